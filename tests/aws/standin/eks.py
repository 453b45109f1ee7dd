"""DescribeCluster, as the account's own EKS answers it: to a session of a role of that account, once it is proved."""

import base64
import json

from standin.accounts import Accounts, Cluster
from standin.errors import denied, rest_error
from standin.messages import Answer, Call, Request, cluster_name
from standin.sessions import Session
from standin.signature import Refused, check_request


class Eks:
    """`account` is ours, where no cluster is."""

    def __init__(self, account: str, accounts: Accounts) -> None:
        self._account = account
        self._accounts = accounts

    def describe_cluster(self, request: Request, call: Call, caller: Session | None) -> Answer:
        """A cluster of another account is refused, and not missing: no role's policy names it."""
        name = cluster_name(request)
        account = caller.account if caller else self._account
        arn = f"arn:aws:eks:{call.region}:{account}:cluster/{name}"
        if caller is None:
            return denied(request, call, f"arn:aws:sts::{account}:assumed-role/function", "eks:DescribeCluster", arn)
        try:
            check_request(request, caller, "eks")
        except Refused as refused:
            return rest_error(403, refused.code, str(refused))
        named = [it for it in self._accounts.clusters() if (it.region, it.name) == (call.region, name)]
        for cluster in named:
            if cluster.account == account:
                return _described(cluster)
        if named:
            return denied(request, call, caller.arn, "eks:DescribeCluster", arn)
        return rest_error(
            404,
            "ResourceNotFoundException",
            f"No cluster found for name: {name}.",
            clusterName=name,
            nodegroupName=None,
            fargateProfileName=None,
            addonName=None,
        )


def _described(cluster: Cluster) -> Answer:
    body = {
        "cluster": {
            "name": cluster.name,
            "arn": cluster.arn,
            "createdAt": 1767225600.0,
            "version": "1.34",
            "endpoint": cluster.endpoint,
            "roleArn": f"arn:aws:iam::{cluster.account}:role/eks",
            "status": "ACTIVE",
            "certificateAuthority": {"data": base64.b64encode(cluster.ca.encode()).decode()},
            "platformVersion": "eks.1",
            "tags": {},
            "accessConfig": {"authenticationMode": "API"},
        }
    }
    return Answer(200, [("Content-Type", "application/json")], json.dumps(body).encode())
