"""Metrics that the sinks write, read by TensorBoard and by W&B."""

import collections
import gzip
import http.server
import json
import math
import os
import random
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_file_loader
from tensorboard.compat.proto import event_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata

from conftest import part
from metric_readers import read_tensorboard, read_wandb

START = 1700000000.25
CONFIG = {
    "rate": 0.01,
    "steps": 400,
    "large": 2**60,
    "model": {"name": "stories – é", "tied": True, "sizes": [64, 2, 0.5]},
    "text": None,
    "resume": False,
}
SUMMARY = {"compression/ratio": 9.5, "phase/quantization_method": "BitNet-1.58", "phase/success": True, "train/loss": 0.25}


def points():
    """Every kind of number; two names in step, one whose step begins again; texts beyond a block of the .wandb file."""
    random.seed(1)
    out = []
    for step in range(300):
        time = START + 1 + step / 8
        out.append({"name": "train/loss", "step": step, "value": random.uniform(0, 10), "wall_time": time})
        out.append({"name": "train/rate", "step": step, "value": 10 ** random.uniform(-30, 30), "wall_time": time})
    odd = ("nan", "inf", "-inf", 0, -0.0, 1e-45, 3.4028234663852886e38, 0.1 + 0.2, -1.5)
    for step, value in enumerate(odd):
        out.append({"name": "odd/values", "step": step * 10**6, "value": value, "wall_time": START + 50})
    for layer in range(3):
        out.append({"name": "layer/mlp.up_proj/bits", "step": layer, "value": 2 + layer / 8, "wall_time": START + 55})
    out.append({"name": "compression/ratio", "step": 0, "value": 9.25, "wall_time": START + 60})
    out.append({"name": "report", "step": 7, "text": "| é | “b” |\n|---|---|\n", "wall_time": START + 61})
    long_text = "".join(random.choices("abc \n😀\"\\", k=120_000))
    out.append({"name": "report", "step": 8, "text": long_text, "wall_time": START + 62})
    return out


RECORDS = {
    "run": {"id": "a1b2c3d4", "project": "stories", "start_time": START, "config": CONFIG},
    "records": points(),
    "end": {"exit_code": 3, "wall_time": START + 75, "summary": SUMMARY},
}


def same(a, b):
    return a == b and math.copysign(1, a) == math.copysign(1, b) or math.isnan(a) and math.isnan(b)


def by_name(kind):
    out = collections.defaultdict(list)
    for record in RECORDS["records"]:
        if kind in record:
            out[record["name"]].append(record)
    return out


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("metrics")
    (directory / "records.json").write_text(json.dumps(RECORDS))
    subprocess.run([part("metric_sinks"), directory / "records.json", directory], check=True)
    return directory


@pytest.fixture(scope="module")
def tensorboard(written):
    return read_tensorboard(written / "logs" / "run")


def test_tensorboard_reads_every_scalar(tensorboard):
    wanted = by_name("value")
    assert set(tensorboard.PluginTagToContent("scalars")) == set(wanted)
    for name, records in wanted.items():
        found = [(e.step, e.wall_time, float(e.tensor_proto.float_val[0])) for e in tensorboard.Tensors(name)]
        assert len(found) == len(records)
        for (step, time, value), record in zip(found, records):
            assert (step, time) == (record["step"], record["wall_time"])
            assert same(value, float(np.float32(float(record["value"])))), name


def test_tensorboard_reads_texts(tensorboard):
    wanted = by_name("text")
    assert set(tensorboard.PluginTagToContent("text")) == set(wanted)
    for name, records in wanted.items():
        found = [(e.step, e.wall_time, e.tensor_proto.string_val[0].decode()) for e in tensorboard.Tensors(name)]
        assert found == [(r["step"], r["wall_time"], r["text"]) for r in records]


def test_tensorboard_reads_hyper_parameters(tensorboard):
    content = tensorboard.PluginTagToContent("hparams")
    start = hparams_metadata.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    held = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}
    assert held == {"rate": 0.01, "steps": 400, "large": 2**60, "model.name": "stories – é", "model.tied": True,
                    "model.sizes": "[64,2,0.5]", "text": 0, "resume": False}
    assert {key: value.WhichOneof("kind") for key, value in start.hparams.items()} == {
        "rate": "number_value", "steps": "number_value", "large": "number_value", "model.name": "string_value",
        "model.tied": "bool_value", "model.sizes": "string_value", "text": "null_value", "resume": "bool_value"}
    assert start.start_time_secs == START
    end = hparams_metadata.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"])
    assert (end.status, end.end_time_secs) == (2, START + 75)  # failure


def test_an_event_file_is_what_tensorboard_would_write(written):
    """Every event parses without a field that is unknown, and serialized again it has the same bytes."""
    (file,) = (written / "logs" / "run").iterdir()
    assert file.name.startswith("events.out.tfevents.1700000000.")
    raw = list(event_file_loader.RawEventFileLoader(str(file)).Load())
    assert len(raw) == len(RECORDS["records"]) + 3
    for data in raw:
        event = event_pb2.Event.FromString(data)
        if b"_hparams_" not in data:
            assert event.SerializeToString() == data
        event.DiscardUnknownFields()
        assert event.ByteSize() == len(data)


@pytest.fixture(scope="module")
def wandb_records(written):
    (directory,) = (written / "wandb").iterdir()
    assert directory.name.startswith("offline-run-202311") and directory.name.endswith("-a1b2c3d4")
    assert sorted(p.name for p in directory.iterdir()) == ["files", "logs", "run-a1b2c3d4.wandb"]
    return read_wandb(directory)


def kinds(records):
    return [record.WhichOneof("record_type") for record in records]


def items(entries):
    out = {tuple(e.nested_key) or e.key: json.loads(e.value_json) for e in entries}
    assert len(out) == len(entries)
    return out


def test_wandb_reads_the_run(wandb_records):
    assert kinds(wandb_records)[:2] == ["header", "run"]
    assert wandb_records[0].header.version_info.producer == "bitnet"
    run = wandb_records[1].run
    assert (run.run_id, run.project) == ("a1b2c3d4", "stories")
    assert items(run.config.update) == CONFIG
    assert (run.start_time.seconds, run.start_time.nanos) == (1700000000, 250_000_000)


def test_wandb_reads_every_point_and_text_as_history(wandb_records):
    history = [record.history for record in wandb_records if record.WhichOneof("record_type") == "history"]
    assert len(history) == len(RECORDS["records"])
    for count, (found, record) in enumerate(zip(history, RECORDS["records"])):
        held = items(found.item)
        value = held.pop(record["name"])
        if "text" in record:
            assert value == record["text"]
        else:
            assert same(value, float(record["value"]))
        assert held == {"step": record["step"], "_step": count, "_runtime": record["wall_time"] - START,
                        "_timestamp": record["wall_time"]}
        assert found.step.num == count


def test_wandb_is_told_the_x_axis_before_each_metric(wandb_records):
    defined = set()
    for record in wandb_records:
        kind = record.WhichOneof("record_type")
        if kind == "metric":
            assert record.metric.step_metric == "step" and record.metric.options.defined
            assert record.metric.name not in defined
            defined.add(record.metric.name)
        if kind == "history":
            assert {i.key for i in record.history.item if i.key != "step" and i.key[0] != "_"} <= defined
    assert defined == {record["name"] for record in RECORDS["records"]}


def test_wandb_reads_summary_and_end(wandb_records):
    assert kinds(wandb_records)[-4:] == ["summary", "exit", "final", "footer"]
    assert collections.Counter(kinds(wandb_records))["summary"] == 1
    last = {record["name"]: record.get("value", record.get("text")) for record in RECORDS["records"]} | SUMMARY
    last |= {"step": 8, "_step": len(RECORDS["records"]) - 1, "_runtime": 62.0, "_timestamp": START + 62,
             ("_wandb", "runtime"): 75}
    assert items(wandb_records[-4].summary.update) == last
    assert (wandb_records[-3].exit.exit_code, wandb_records[-3].exit.runtime) == (3, 75)


class StandIn(http.server.BaseHTTPRequestHandler):
    """As much of W&B's server as `wandb sync` needs, on this machine. What it was sent is in server.sent, by path."""

    BUCKET = {"id": "1", "name": "a1b2c3d4", "displayName": "a1b2c3d4", "config": "{}", "historyLineCount": 0,
              "project": {"id": "2", "name": "stories", "entity": {"id": "3", "name": "me"}}}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.sent.append((self.path, body))
        answer = {}
        if self.path == "/graphql":
            asked = json.loads(body)
            uploads = [{"name": name, "uploadUrl": f"{self.server.url}/upload/{name}"}
                       for name in asked.get("variables", {}).get("files", [])]
            data = {"UpsertBucket": {"upsertBucket": {"bucket": self.BUCKET, "inserted": True}},
                    "CreateRunFiles": {"createRunFiles": {"runID": "1", "uploadHeaders": [], "files": uploads}}}
            answer = {"data": data.get(asked.get("operationName"), {})}
        answer = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def synced(written, tmp_path_factory):
    """What `wandb sync` sends. The key is none, and the server is ours."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(written / "wandb", home / "wandb")  # what it sends, it marks as sent
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn) as server:
        server.sent = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mine = {f"WANDB_{name}_DIR": str(home) for name in ("CACHE", "CONFIG", "DATA")}
        mine |= {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": 40 * "0", "WANDB_ERROR_REPORTING": "false"}
        done = subprocess.run([sys.executable, "-m", "wandb", "beta", "sync", home / "wandb"], capture_output=True,
                              text=True, env=os.environ | mine, cwd=home, timeout=120)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert next((home / "wandb").glob("*/*.synced"), None), done.stdout + done.stderr
    return server.sent


def test_wandb_sync_sends_everything(synced):
    streams = [json.loads(body) for path, body in synced if path == "/files/me/stories/a1b2c3d4/file_stream"]
    history = [json.loads(line) for sent in streams
               for line in sent.get("files", {}).get("wandb-history.jsonl", {}).get("content", [])]
    assert len(history) == len(RECORDS["records"])
    for count, (row, record) in enumerate(zip(history, RECORDS["records"])):
        assert (row["_step"], row["step"]) == (count, record["step"])
        value, wanted = row[record["name"]], record.get("text", record.get("value"))
        if "value" in record:
            value, wanted = float(value) + 0.0, float(wanted) + 0.0  # its -0 is an integer
        assert value == wanted or same(value, wanted)
    assert [sent["exitcode"] for sent in streams if "exitcode" in sent] == [3]
    summary = json.loads(dict(synced)["/upload/wandb-summary.json"])
    assert {key: summary[key] for key in SUMMARY} == SUMMARY


def test_wandb_sync_sends_configuration_and_x_axes(synced):
    asked = [json.loads(body) for path, body in synced if path == "/graphql"]
    config = json.loads([a for a in asked if a["operationName"] == "UpsertBucket"][-1]["variables"]["config"])
    metrics = config.pop("_wandb")["value"]["m"]
    assert {key: entry["value"] for key, entry in config.items()} == CONFIG
    axes = {m["1"]: metrics[m["5"] - 1]["1"] for m in metrics if "5" in m}  # 1 is the name, 5 the place of the x axis
    assert axes == {record["name"]: "step" for record in RECORDS["records"]}


def test_every_line_of_json_has_every_digit(written):
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    lines = [json.loads(line, parse_constant=refuse) for line in (written / "metrics.jsonl").read_text().split("\n")[:-1]]
    assert lines[0] == {"record": "run"} | RECORDS["run"]
    assert lines[-1] == {"record": "end"} | RECORDS["end"]
    assert len(lines) == len(RECORDS["records"]) + 2
    for line, record in zip(lines[1:-1], RECORDS["records"]):
        if record.get("value") in ("nan", "inf", "-inf"):
            assert line == {"record": "point"} | record | {"value": None, "text": record["value"]}
        else:
            assert line == {"record": "text" if "text" in record else "point"} | record
