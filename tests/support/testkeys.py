"""Secrets for tests: long enough to be accepted, and known to everybody, so never for a site."""

KEY = "k3y-8Zq1vB7nT5cXw2LmP9sRd4GhJ6fYaEuC"
OLD_KEY = "0ld-Tz7Wq3Np8Vb1Kc6Xm5Rj2Hs9Gd4LfYe"
