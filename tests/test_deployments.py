"""What stands in deployments/: read by Prefect's own models where there are some, and by plain rules where not.

No container engine is at hand in the tests: images are not built and Compose is not started here.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[1]
DEPLOYMENTS = ROOT / "deployments"
PROJECT = yaml.safe_load((DEPLOYMENTS / "prefect.yaml").read_text("utf-8"))
COMPOSE = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text("utf-8"))
DOCKERFILE = (DEPLOYMENTS / "Dockerfile").read_text("utf-8")
POOLS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((DEPLOYMENTS / "pools").glob("*.json"))}
POLICIES = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted((DEPLOYMENTS / "policies").glob("*.json"))
}


def test_deployments__hold_no_python() -> None:
    assert list(DEPLOYMENTS.rglob("*.py")) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("deployment", PROJECT["deployments"], ids=lambda deployment: deployment["name"])
def test_prefect_yaml__every_parameter_is_one_of_its_flow(deployment: dict[str, Any]) -> None:
    path, _, name = deployment["entrypoint"].partition(":")
    flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    parameters = set(inspect.signature(flow.fn).parameters)
    given = [deployment.get("parameters", {}), *(t.get("parameters", {}) for t in deployment.get("triggers", ()))]
    assert {key for each in given for key in each} <= parameters
    assert deployment["concurrency_limit"]["limit"] == 1


def test_held_automation__is_one_of_prefect() -> None:
    from prefect.events.schemas.automations import AutomationCore

    held = AutomationCore(**yaml.safe_load((DEPLOYMENTS / "automations" / "held.yaml").read_text("utf-8")))
    assert held.trigger.expect == {"budget.document.held"}
    assert [action.type for action in held.actions] == ["send-notification"]


# Work pools


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_pool__its_template_is_whole(kind: str) -> None:
    from prefect.server.schemas.core import WorkPool

    WorkPool(name="cnbudget", type=kind, base_job_template=POOLS[kind])
    used = set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(POOLS[kind]["job_configuration"])))
    assert used == set(POOLS[kind]["variables"]["properties"])


def test_pool_process__fits_the_worker() -> None:
    from prefect.workers.process import ProcessJobConfiguration

    assert set(POOLS["process"]["job_configuration"]) <= set(ProcessJobConfiguration.model_fields)


def test_pool_docker__runs_without_privileges() -> None:
    container = POOLS["docker"]["job_configuration"]["container_create_kwargs"]
    assert container["read_only"] is True
    assert container["user"] == "10001:10001"
    assert container["cap_drop"] == ["ALL"]


def test_pool_kubernetes__runs_without_privileges() -> None:
    pod = POOLS["kubernetes"]["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


# Image and Compose


def images() -> Iterator[str]:
    argument = re.search(r"^ARG PYTHON=(\S+)", DOCKERFILE, re.MULTILINE)
    assert argument
    yield from (
        image.replace("${PYTHON}", argument[1]) for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    )
    yield from (service["image"] for service in COMPOSE["services"].values())
    yield from (pool["variables"]["properties"]["image"]["default"] for pool in POOLS.values() if "image" in str(pool))


def test_images__have_a_version_and_no_host() -> None:
    for image in images():
        name, _, tag = image.partition(":")
        assert re.search(r"\d+\.\d+|RELEASE\.\d{4}", tag), image
        assert "." not in name.split("/")[0], image


def test_dockerfile__is_pinned_and_not_root() -> None:
    steps = DOCKERFILE.replace("\\\n", " ").splitlines()
    final = steps[max(n for n, step in enumerate(steps) if step.startswith("FROM")) :]
    assert [step for step in final if step.startswith("USER")] == ["USER 10001:10001"]
    assert not [step for step in final if step.startswith("RUN") and "pip" in step]
    assert "PIP_CONSTRAINT=/app/constraints.txt" in DOCKERFILE
    assert any(step.startswith("HEALTHCHECK") for step in final)
    assert not [step for step in steps if step.startswith("ADD") or "http" in step]


def test_dockerfile__copies_what_is_there() -> None:
    ignored = (DEPLOYMENTS / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for step in DOCKERFILE.splitlines():
        if step.startswith("COPY") and "--from" not in step:
            for name in step.split()[1:-1]:
                assert (ROOT / name).exists(), name
                assert f"!{name}" in ignored, name


def test_dockerfile__copies_every_package_and_what_it_reads() -> None:
    copied = {
        name for step in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE) for name in step.split()
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(project["tool"]["importlinter"]["root_packages"]) <= copied
    assert {"deployments/prefect.yaml", "deployments/pools", "deployments/automations"} <= copied


def test_dockerfile__its_health_is_that_of_what_the_watcher_loads() -> None:
    (code,) = re.findall(r'HEALTHCHECK [^\n]*\\\n\s+CMD \["python", "-c", "(.+)"\]', DOCKERFILE)
    assert code == "import flows.watch"
    exec(code, {})


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_compose__every_service_is_hardened_and_asks_how_it_is(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    if service["restart"] == "unless-stopped":
        assert service["healthcheck"]["test"]


def test_compose__secrets_come_from_the_environment_and_have_no_default() -> None:
    text = (DEPLOYMENTS / "compose.yaml").read_text("utf-8")
    for line in text.splitlines():
        if re.search(r"PASSWORD|SECRET|TOKEN|AUTH_STRING", line) and ":" in line and not line.lstrip().startswith("#"):
            value = line.partition(":")[2]
            assert re.search(r"\$\{\w+:\?", value) or "$$" in value or "WATCHER" in value, line
    assert ":-secret" not in text


# Policies, judged by an S3 server that enforces them


@pytest.fixture
def allowed(s3_endpoint: str) -> Iterator[Any]:
    """Which of some actions a user with these policies may do."""
    from moto.core import set_initial_no_auth_action_count

    enforced = set_initial_no_auth_action_count(0)
    names = {"endpoint_url": s3_endpoint, "region_name": "us-east-1"}
    root = {"aws_access_key_id": "a", "aws_secret_access_key": "b"} | names
    s3, iam = boto3.client("s3", **root), boto3.client("iam", **root)
    for bucket in ("incoming", "lake"):
        s3.create_bucket(Bucket=bucket)
        for key in (
            "landed/x",
            "staged/1/x",
            "journal/v00000001.json",
            "journal/probe-x",
            "curated/latest/d/x.parquet",
        ):
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def judge(*policies: str) -> Any:
        user = "-".join(policies)
        iam.create_user(UserName=user)
        for policy in policies:
            # The enforcing server knows no conditions; what rests on them is said in docs/deploying.md.
            iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=json.dumps(POLICIES[policy]))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]} | names
        client = boto3.client("s3", **own)

        def may(action: str, bucket: str, key: str) -> bool:
            arguments = {} if action == "list_objects_v2" else {"Key": key}
            arguments |= {"Body": b"x"} if action == "put_object" else {}
            try:
                enforced(getattr(client, action))(Bucket=bucket, **arguments)
            except ClientError as error:
                assert error.response["Error"]["Code"] in ("AccessDenied", "403"), error
                return False
            return True

        return may

    yield judge
    for bucket in ("incoming", "lake"):
        boto3.resource("s3", **root).Bucket(bucket).objects.all().delete()
        s3.delete_bucket(Bucket=bucket)


@pytest.mark.filterwarnings("ignore")
def test_policies__the_pipeline_reads_incoming_and_never_deletes_the_truth(allowed: Any) -> None:
    may = allowed("incoming-reader", "lake-writer")
    assert may("list_objects_v2", "incoming", "")
    assert may("get_object", "incoming", "landed/x")
    assert not may("put_object", "incoming", "new")
    assert not may("delete_object", "incoming", "landed/x")
    for key in ("landed/y", "staged/1/y", "journal/v00000002.json", "curated/latest/d/y.parquet"):
        assert may("put_object", "lake", key), key
    assert not may("put_object", "lake", "elsewhere")
    for key in ("landed/x", "staged/1/x", "journal/v00000001.json"):
        assert not may("delete_object", "lake", key), key
    assert may("delete_object", "lake", "journal/probe-x")
    assert may("delete_object", "lake", "curated/latest/d/x.parquet")


@pytest.mark.filterwarnings("ignore")
def test_policies__a_dask_worker_reads_landed_and_writes_staged(allowed: Any) -> None:
    may = allowed("dask-worker")
    assert may("get_object", "lake", "landed/x")
    assert may("put_object", "lake", "staged/1/y")
    for key in ("landed/y", "journal/v00000002.json", "curated/latest/d/x.parquet"):
        assert not may("put_object", "lake", key), key
    assert not may("get_object", "incoming", "landed/x")
    assert not may("delete_object", "lake", "staged/1/x")


def test_policies__each_allows_only_what_it_names() -> None:
    for name, policy in POLICIES.items():
        for statement in policy["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            assert not [action for action in actions if "*" in action], name
            assert "*" not in resources, name
