# What lets Slipway into one EKS cluster, and nobody else: a role in the cluster's account, and its entry in the cluster.
#
# `slipway clusters setup NAME --format terraform` prints it filled in. The role can look up where the cluster is, and
# that is all that it can do in the account. What it may do inside the cluster is granted per environment, to the group
# below: `slipway clusters access APP ENVIRONMENT`.

resource "aws_iam_role" "slipway" {
  # Slipway takes on a role of this name and no other.
  name = "${ROLE_NAME}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = [${PRINCIPALS}] }
      Action    = "sts:AssumeRole"
      # Without it, anybody whom Slipway serves could have it act here.
      Condition = { StringEquals = { "sts:ExternalId" = "${EXTERNAL_ID}" } }
    }]
  })
}

resource "aws_iam_role_policy" "slipway" {
  name = "look-up"
  role = aws_iam_role.slipway.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "eks:DescribeCluster"
      Resource = "${CLUSTER_ARN}"
    }]
  })
}

resource "aws_eks_access_entry" "slipway" {
  cluster_name      = "${EKS_NAME}"
  principal_arn     = aws_iam_role.slipway.arn
  kubernetes_groups = ["${GROUP}"]
  type              = "STANDARD"
}
