"""The tour's chapters: each plays one clause through real sockets, and shows the evidence.

Room: example shop. ``browser`` (a small one), ``server`` (the shop as a process), ``report`` (what held), and
one module a clause. Nothing here imports the shop: it is met only as a visitor and an operator meet it.
"""
