"""`bayesmeta fit`: the contract of its JSON, and what people read."""

import json
import math

import pytest

import bayesmeta as bm
from tests.unit.cli.running import COUNTS, ESTIMATES, run

SUMMARY = {"mean", "sd", "median", "lower", "upper"}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS)
    return path


def fitted(*arguments):
    result = run("fit", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout, parse_constant=pytest.fail)  # NaN and Infinity are not JSON


def test_json_has_the_shape_of_the_contract(table):
    found = fitted(table)
    assert list(found) == [
        *("engine", "k", "model", "log_marginal_likelihood", "parameters", "studies", "diagnostics"),
    ]
    assert found["engine"] == "exact"
    assert found["k"] == 4
    assert isinstance(found["log_marginal_likelihood"], float)
    assert list(found["parameters"]) == ["mu", "tau", "theta_new"]
    assert all(set(parameter) == SUMMARY for parameter in found["parameters"].values())
    assert [study["study"] for study in found["studies"]] == ["A", "B", "C", "D"]
    assert all(set(study) == {"study", *SUMMARY} for study in found["studies"])
    assert isinstance(found["diagnostics"], dict)


def test_json_states_the_model_as_it_can_be_given_again(table):
    options = [
        "--mu",
        "normal(0, 4)",
        "--tau",
        "half_cauchy(1)",
        "--likelihood",
        "normal",
        "--zero-cells",
        "treatment_arm",
    ]
    found = fitted(table, *options)["model"]
    assert found["mu"] == "normal(0, 4)"
    assert found["tau"] == "half_cauchy(1)"
    assert found["zero_cells"] == "treatment_arm"
    again = bm.Model.from_dict(found)
    assert again == bm.Model("normal", mu="normal(0, 4)", tau="half_cauchy(1)", zero_cells="treatment_arm")


def test_the_defaults_are_those_of_the_model(table):
    assert fitted(table)["model"] == bm.Model().but(likelihood="hypergeometric").to_dict()


def test_counts_have_the_exact_likelihood_and_estimates_the_normal_one(table, tmp_path):
    estimates, both, mixed = (tmp_path / f"{name}.csv" for name in ("estimates", "both", "mixed"))
    estimates.write_text(ESTIMATES)
    both.write_text("study,estimate,se,ai,n1i,ci,n2i\nA,0.5,0.2,1,9,2,9\nB,0.1,0.3,3,9,2,9\n")
    mixed.write_text("study,estimate,se,ai,n1i,ci,n2i\nA,0.5,0.2,,,,\nB,,,3,9,2,9\n")
    for path, options, likelihood in (
        (table, [], "hypergeometric"),
        (estimates, [], "normal"),
        (both, [], "hypergeometric"),
        (both, ["--data", "estimates"], "normal"),
        (mixed, [], "hypergeometric"),
        (table, ["--likelihood", "normal"], "normal"),
    ):
        assert fitted(path, *options)["model"]["likelihood"] == likelihood
        assert f"Model: {likelihood} likelihood" in run("fit", path, *options).stdout


def test_a_zero_cell_rule_without_effect_is_warned_of_once_and_not_stored(table):
    result = run("fit", table, "--zero-cells", "drop", "--json")
    assert result.stderr.count("warning:") == 1
    assert "zero-cell rule drop: it has no effect with the hypergeometric likelihood" in result.stderr
    assert "--likelihood normal" in result.stderr
    assert json.loads(result.stdout)["model"]["zero_cells"] == "only_zero"
    assert json.loads(result.stdout)["k"] == 4
    stated = run("fit", table, "--zero-cells", "drop", "--likelihood", "normal", "--json")
    assert stated.stderr == ""
    assert json.loads(stated.stdout)["k"] == 3


def test_json_has_the_numbers_of_python_to_the_last_digit(table):
    found = fitted(table)["parameters"]
    posterior = bm.fit(bm.read_trials(table), bm.Model())
    for name, row in posterior.summary().iterrows():
        assert found[name] == {column: float(value) for column, value in row.items()}


def test_json_has_null_where_a_moment_does_not_exist(tmp_path):
    path = tmp_path / "two.csv"
    path.write_text("study,estimate,se\nA,0.5,0.2\nB,0.1,0.3\n")
    found = fitted(path, "--mu", "flat", "--tau", "half_cauchy(0.5)")["parameters"]
    assert found["mu"]["sd"] is None
    assert math.isfinite(found["mu"]["median"])


def test_each_column_of_the_design_has_its_own_parameter_and_prior(table):
    found = fitted(table, "--moderators", "~ dose + site", "--beta", "dose=normal(location=0, scale=0.1)")
    assert list(found["parameters"]) == ["mu", "dose", "site[T.y]", "tau", "theta_new"]
    assert found["model"]["beta"] == {"dose": "normal(0, 0.1)"}
    wide = fitted(table, "--moderators", "~ dose + site", "--beta", "normal(0, 10)")
    assert wide["parameters"]["dose"]["sd"] > found["parameters"]["dose"]["sd"]


def test_no_random_effects_leave_tau_at_zero(table):
    tau = fitted(table, "--random-effects", "none")["parameters"]["tau"]
    assert tau["upper"] == 0.0


@pytest.mark.parametrize("name", bm.dataset_names())
def test_data_sets_are_known_by_name(name):
    assert fitted(name)["k"] == bm.load(name).k


def test_a_file_goes_before_a_data_set_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fitted("bcg")["k"] == 13
    (tmp_path / "bcg").write_text(COUNTS)
    assert fitted("bcg")["k"] == 4


def test_a_dash_reads_standard_input(table):
    result = run("fit", "-", "--json", given=COUNTS)
    assert json.loads(result.stdout) == fitted(table)
    assert "standard input" in run("fit", "-", given="study\n").stderr


def test_an_outcome_is_chosen_and_estimates_are_taken_when_asked_for(tmp_path):
    path = tmp_path / "both.csv"
    path.write_text(
        "study,outcome,estimate,se,ai,n1i,ci,n2i\nA,x,0.5,0.2,1,9,2,9\nB,x,0.1,0.3,3,9,2,9\nC,y,0,1,1,9,1,9\n"
    )
    counts = fitted(path, "--outcome", "x")
    estimates = fitted(path, "--outcome", "x", "--data", "estimates")
    assert counts["k"] == estimates["k"] == 2
    assert estimates["parameters"]["mu"]["sd"] < counts["parameters"]["mu"]["sd"]


def test_draws_are_written_as_netcdf_and_repeat_with_their_seed(table, tmp_path):
    import xarray as xr

    first, again, other = (tmp_path / name for name in ("first.nc", "again.nc", "other.nc"))
    options = ["--draws", "50", "--chains", "2"]
    for path, seed in ((first, 1), (again, 1), (other, 2)):
        assert run("fit", table, *options, "--seed", seed, "--draws-to", path, "--json").exit_code == 0
    trees = [xr.open_datatree(path, engine="h5netcdf") for path in (first, again, other)]
    assert dict(trees[0].posterior["mu"].sizes) == {"chain": 2, "draw": 50}
    assert trees[0].posterior["mu"].equals(trees[1].posterior["mu"])
    assert not trees[0].posterior["mu"].equals(trees[2].posterior["mu"])
    for tree in trees:
        tree.close()


def test_the_self_check_is_in_the_diagnostics_and_in_a_sentence(table):
    assert "accuracy" not in fitted(table)["diagnostics"]
    found = fitted(table, "--accuracy")["diagnostics"]["accuracy"]
    assert found["worst_change"] < 1e-6
    text = " ".join(run("fit", table, "--accuracy").stdout.split())
    assert f"Self-check: at more nodes {found['worst_quantity']} moves most, by {found['worst_change']:.1g}" in text
    assert "convergence diagnostics" in run("fit", table, "--accuracy", "--engine", "nuts").stderr


# For people


def test_the_table_has_odds_ratios_and_says_what_was_assumed(table):
    text = " ".join(run("fit", table, "--direction", "higher").stdout.split())
    mu = bm.fit(bm.read_trials(table))["mu"]
    lower, upper = (math.exp(end) for end in mu.interval())
    assert f"{math.exp(mu.median):#.3g} ({lower:#.3g} to {upper:#.3g})" in text
    assert f"P(OR > 1): {mu.probability(above=0):.3f} for mu" in text
    assert "more events are wished" in text
    assert "odds_ratio_within(250)" in text
    assert "half_normal(0.5)" in text
    assert "Model: hypergeometric likelihood, random effects normal." in text
    assert "Zero cells" not in text
    normal = " ".join(run("fit", table, "--likelihood", "normal").stdout.split())
    assert "Zero cells, rule only_zero: something was added to the tables of D." in normal


def test_the_probability_is_that_of_the_wished_direction(table):
    text = run("fit", table, "--direction", "lower").stdout
    below = bm.fit(bm.read_trials(table))["mu"].probability(below=0)
    assert f"P(OR < 1): {below:.3f} for mu" in text
    assert "fewer events are wished" in text


def test_groups_are_shown_with_their_ratio():
    text = " ".join(run("fit", "attachment/secure", "--moderators", "~ sensitivity_focused").stdout.split())
    model = bm.Model(moderators="~ sensitivity_focused")
    beta = bm.fit(bm.load("attachment/secure"), model)["sensitivity_focused[T.yes]"]
    assert "sensitivity_focused = yes v sensitivity_focused = no: ratio of odds ratios" in text
    assert f"{math.exp(beta.median):#.3g}" in text
    assert f"P(> 1) = {beta.probability(above=0):.3f}" in text


def test_part_of_the_published_trials_is_not_called_a_replication():
    assert "not a replication of the review" in " ".join(run("fit", "attachment/secure").stdout.split())
    assert "replication" not in run("fit", "bcg").stdout


def test_estimates_are_not_called_odds_ratios(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(ESTIMATES)
    text = run("fit", path).stdout
    assert "OR" not in text
    assert "odds ratio" not in text
    assert "exp(effect)" in text


def test_studies_without_events_and_left_out_are_named(tmp_path):
    path = tmp_path / "zeros.csv"
    path.write_text(COUNTS + "E,0,10,0,12,5,x\n")
    both = "Nobody or everybody had the event in both arms of E (1)."
    assert f"{both} Given its total of events such a trial says nothing" in " ".join(run("fit", path).stdout.split())
    binomial = run("fit", path, "--likelihood", "binomial").stdout
    assert f"{both} Such a trial counts, as far as its sizes" in " ".join(binomial.split())
    normal = ["--likelihood", "normal"]
    text = " ".join(run("fit", path, *normal).stdout.split())
    assert "tables of D, E." in text
    assert f"{both} Such a trial counts as what the zero-cell rule makes of it." in text
    assert "D, E left out" in " ".join(run("fit", path, *normal, "--zero-cells", "drop").stdout.split())


def test_a_name_is_shown_as_it_stands_and_commands_no_terminal(tmp_path):
    path = tmp_path / "trials.csv"
    names = {"A": "[red]x[/red]", "B": ":smile: [link=x]", "C": "\x1b[31mC\x1b[0m", "D": "a\u202eb"}
    text = COUNTS
    for plain, nasty in names.items():
        text = text.replace(f"\n{plain},", f"\n{nasty},")
    path.write_text(text, encoding="utf-8")
    found = run("fit", path).stdout
    assert "[red]x[/red]" in found
    assert ":smile: [link=x]" in found
    assert "\\x1b[31mC\\x1b[0m" in found
    assert "a\\u202eb" in found
    assert "\x1b" not in found
    assert "\u202e" not in found


def test_tables_fit_80_columns_and_cut_nothing_off(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(COUNTS.replace("\nA,", f"\n{'long name ' * 12},").replace("\nB,", f"\n{'B' * 90},"))
    text = run("fit", path).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("B") >= 90


def test_numbers_that_need_more_room_than_the_terminal_are_whole(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text("study,estimate,se\nA,-123456.7,0.2\nB,123456.7,300000\n")
    result = run("fit", path, "--tau", "uniform(0, 1000000)", "--mu", "normal(0, 1000000)")
    assert result.exit_code == 0
    assert "…" not in result.stdout
    assert "exp(-123,457)" in result.stdout


def test_absolute_effects_at_a_control_risk(table):
    stated = fitted(table, "--control-risk-at", "0.2")["absolute"]
    expected = bm.fit(bm.read_trials(table), bm.Model()).absolute(0.2)
    assert stated["mu"]["difference_median"] == expected.loc["mu", "difference_median"]
    shown = run("fit", table, "--control-risk-at", "new_setting").stdout
    assert "new_setting" in shown
    assert "number needed to treat" in shown
    refused = run("fit", table, "--control-risk-at", "often")
    assert refused.exit_code == 2
    assert "control risk 'often': cannot be read" in refused.stderr


def test_outliers_are_told_in_table_and_json(table):
    mixture = ["--random-effects", "mixture(0.1, 5)"]
    posterior = bm.fit(bm.read_trials(table), bm.Model(random_effects="mixture(0.1, 5)"))
    expected = posterior.outliers()["probability"].tolist()
    assert [study["outlier"] for study in fitted(table, *mixture)["studies"]] == pytest.approx(expected)
    shown = run("fit", table, *mixture).stdout
    assert "P(outlier)" in shown
    assert all(f"{probability:.3f}" in shown for probability in expected)
    assert "outlier" not in run("fit", table).stdout


@pytest.mark.parametrize(
    ("options", "improper"),
    [
        (["--tau", "jeffreys"], "tau"),
        (["--mu", "flat"], "mu"),
        (["--mu", "flat", "--tau", "jeffreys"], "mu and tau"),
        ([], None),
        (["--random-effects", "none", "--tau", "jeffreys"], None),
    ],
)
def test_the_constant_of_an_improper_prior_is_said_to_be_arbitrary(table, options, improper):
    shown = " ".join(run("fit", table, *options).stdout.split())
    told = shown.partition("Log marginal likelihood ")[2]
    assert told.partition(" ")[0].rstrip(",.").lstrip("-").replace(".", "").isdigit()
    assert (f", up to a constant: improper prior of {improper}, so no Bayes factors." in told) == (improper is not None)
    assert ("Bayes factors" in told) == (improper is not None)


def test_a_doubtful_prior_is_marked_for_machines(table):
    assert "breaks the pattern" in fitted(table, "--tau", "rhodes(mental_health, non_drug)")["model"]["doubtful"]["tau"]
    assert "doubtful" not in fitted(table)["model"]
    for prior, marked in (("rhodes(mental_health, non_drug)", True), ("half_normal(0.5)", False)):
        told = json.loads(run("priors", prior, "--json").stdout)["doubtful"]
        assert list(told) == [prior] * marked
        assert all("breaks the pattern" in reason for reason in told.values())
