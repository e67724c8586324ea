"""What TensorBoard's and W&B's own readers find in a directory."""

from tensorboard.backend.event_processing import plugin_event_accumulator
from wandb.proto import wandb_internal_pb2
from wandb.sdk.internal import datastore


def read_tensorboard(directory):
    """-> an accumulator of everything in the directory."""
    everything = {plugin_event_accumulator.TENSORS: 0}
    out = plugin_event_accumulator.EventAccumulator(str(directory), size_guidance=everything,
                                                    tensor_size_guidance={"scalars": 0, "text": 0})
    out.Reload()
    return out


def read_wandb(directory):
    """-> all records of an offline run, each of which must be, byte for byte, what W&B would have written."""
    (file,) = directory.glob("run-*.wandb")
    store = datastore.DataStore()
    store.open_for_scan(str(file))
    out = []
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record.FromString(data)
        assert record.num == len(out) + 1
        assert record.SerializeToString() == data
        record.DiscardUnknownFields()
        assert record.ByteSize() == len(data)
        out.append(record)
    return out
