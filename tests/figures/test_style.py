"""Units, labels, ticks and colours."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.style import BAD, axis_label, format_value, group_colours, log_axis


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1e9, "parameters", "1B"),
        (1e13, "tokens", "10T"),
        (2.5e6, "samples", "2.5M"),
        (999_960, "tokens", "1M"),
        (12_000, "tokens", "12K"),
        (512, "tokens", "512"),
        (1e21, "FLOP", "1e21"),
        (4.84e19, "FLOP", "4.8e19"),
        (9.96e19, "FLOP", "1e20"),
        (2.0, "nats/token", "2"),
        (0.125, "", "0.125"),
    ],
)
def test_values_are_short(value, unit, text):
    assert format_value(value, unit) == text


@pytest.mark.parametrize(
    ("name", "attrs", "label"),
    [
        ("C", {"units": "FLOP", "long_name": "training compute"}, "training compute $C$ (FLOP)"),
        ("N", {"units": "parameters"}, "network parameters $N$"),
        ("D", {"units": "samples"}, "training samples $D$"),
        ("D", {}, "training tokens $D$"),
        ("loss", {"units": "bits/byte"}, "loss (bits/byte)"),
        ("my_score", {"units": "1"}, "my score"),
    ],
)
def test_labels_come_from_attrs(name, attrs, label):
    assert axis_label(xr.DataArray([1.0], name=name, attrs=attrs)) == label


@pytest.mark.parametrize(
    ("low", "high", "unit", "ticks"),
    [
        (1e6, 1e9, "parameters", ["1M", "10M", "100M", "1B"]),
        (1e18, 1.1e19, "FLOP", ["1e18", "3e18", "1e19"]),
        (1.2, 40.0, "", ["2", "5", "10", "20"]),
        (2.0, 4.0, "nats/token", ["2", "2.5", "3", "4"]),
        (2.0, 2.0, "nats/token", None),
    ],
)
def test_log_axes_have_a_handful_of_ticks(low, high, unit, ticks):
    with new_figure(2.0) as fig:
        ax = fig.add_subplot()
        ax.set_xlim(low * 0.999, high * 1.001)
        log_axis(ax.xaxis, unit)
    bottom, top = ax.get_xlim()
    shown = [label.get_text() for label in ax.get_xticklabels() if bottom <= label.get_position()[0] <= top]
    assert ax.get_xscale() == "log"
    assert ticks is None or shown == ticks


@pytest.mark.parametrize("count", [1, 6, 9, 14])
def test_colours_differ_and_keep_vermilion_free(count):
    colours = group_colours([f"corpus {i}" for i in range(count)])
    assert len(set(colours.values())) == count
    assert BAD not in colours.values()


@pytest.mark.parametrize(("panels", "rows"), [(1, 1), (3, 1), (5, 2), (6, 2)])
def test_grid_holds_its_panels(panels, rows):
    with new_figure(3.0) as fig:
        axes = panel_grid(fig, panels)
    assert len(fig.axes) == len(axes) == panels
    assert len(np.unique([round(ax.get_position().y0, 3) for ax in axes])) == rows


@pytest.mark.parametrize(("labels", "rows"), [(["a", "b"], 1), (["a rather long name"] * 8, 2)])
def test_legend_takes_as_few_rows_as_fit(labels, rows):
    with new_figure(2.0) as fig:
        handles = [fig.add_subplot().plot([0, 1], label=label)[0] for label in labels]
        legend_below(fig, handles)
    heights = {round(text.get_window_extent().y0) for text in fig.legends[0].get_texts()}
    assert len(heights) == rows
