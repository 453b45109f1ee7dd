"""Stands in front of ministack for what it lacks of AWS: trust, the identity of sessions, EKS, and session policies.

    functions ──► http ──┬─ AssumeRole, DescribeCluster ───► answered here, as AWS would
                         ├─ what a session may not do ─────► refused here
                         ├─ what a test wants to fail ─────► refused here
                         └─ everything else ───────────────► ministack, byte for byte
    API server ─► https ─── TokenReview ───────────────────► who signed the token, and the groups of its access entry
    test ──────► http ───── /_standin/… ───────────────────► accounts, faults, and the journal of all calls

It knows the secrets of all sessions that it sees made, so that it can tell a signature from a forged one. Of the rights
of functions it knows nothing: ministack gives them all the same credentials.
"""
