"""Starts it: `python tests/aws/standin --help`."""

import argparse
import sys
import threading
from pathlib import Path

if not __package__:
    # Started by its path, which puts this folder where Python looks, and not the one that it is in.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from standin.gateway import Gateway
from standin.server import gateway_server, webhook_server


def main() -> None:
    options = arguments()
    gateway = Gateway(options.upstream, options.account)
    http = gateway_server((options.bind, options.port), gateway).start()
    webhook = webhook_server((options.bind, options.webhook_port), gateway, options.certificate, options.key).start()
    print(f"http://{http} https://{webhook}", flush=True)
    threading.Event().wait()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="standin", description="Stands in front of ministack for what it lacks.")
    parser.add_argument("--upstream", default="127.0.0.1:4566", help="host and port of ministack")
    parser.add_argument("--account", default="111122223333", help="the account that ministack stands for")
    parser.add_argument("--bind", default="127.0.0.1", help="where both ports listen")
    parser.add_argument("--port", type=int, default=0, help="of HTTP; 0 takes a free one, and both are printed")
    parser.add_argument("--webhook-port", type=int, default=0, help="of HTTPS, for TokenReviews")
    parser.add_argument("--certificate", required=True, help="of the webhook: a PEM file")
    parser.add_argument("--key", required=True, help="of the certificate: a PEM file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
