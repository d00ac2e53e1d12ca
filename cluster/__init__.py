"""A whole deployment on one machine from real parts: PostgreSQL, Redis, replicas and a balancer (reliability R2, R13).

``make cluster`` runs it for people; the tests and the chaos run take its pieces. Nothing of the product imports it.
"""
