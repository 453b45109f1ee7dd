"""Makes a table hold what a restored copy of it holds, with as few writes as that takes. For a restoration in place:
docs/operations.md says what has to be stopped before, and why.

Usage: bring-back.py RESTORED LIVE [--tenant T…] [--write]

Rows that differ are put, rows that the copy lacks are deleted, and nothing is touched without --write. Environments get
an epoch far above any that their clusters have seen since: else every write of theirs there would be refused as old.
"""

import argparse
import json

import boto3

# More than any environment reaches: it grows by one or two with each promotion.
EPOCHS_AHEAD = 1_000_000


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("restored")
    arguments.add_argument("live")
    arguments.add_argument("--tenant", help="only what is this tenant's")
    arguments.add_argument("--write", action="store_true", help="do it; without, it is only counted")
    given = arguments.parse_args()
    database = boto3.resource("dynamodb")
    live = database.Table(given.live)
    wanted = {key: ahead(row) for key, row in rows(database.Table(given.restored), given.tenant).items()}
    found = rows(live, given.tenant)
    puts = [row for key, row in wanted.items() if found.get(key) != row]
    deletes = sorted(found.keys() - wanted.keys())
    print(f"{len(puts)} rows to put, {len(deletes)} to delete, {len(wanted) - len(puts)} are the same")
    if given.write:
        with live.batch_writer() as batch:
            for row in puts:
                batch.put_item(Item=row)
            for pk, sk in deletes:
                batch.delete_item(Key={"pk": pk, "sk": sk})
        print("done")


def rows(table, tenant):
    prefix = f"t#{tenant}#" if tenant else "t#"
    found, page = {}, {"ConsistentRead": True}
    while True:
        answer = table.scan(**page)
        found |= {(row["pk"], row["sk"]): row for row in answer["Items"] if row["pk"].startswith(prefix)}
        if "LastEvaluatedKey" not in answer:
            return found
        page["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def ahead(row):
    if not row["sk"].startswith("environment#"):
        return row
    body = json.loads(row["body"])
    body["epoch"] += EPOCHS_AHEAD
    body["version"] += 1
    return row | {"body": json.dumps(body, separators=(",", ":")), "version": row["version"] + 1}


if __name__ == "__main__":
    main()
