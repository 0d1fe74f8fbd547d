"""The page of a report, as a Jinja template. Everything that is filled in is escaped."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Replay: {{ candidate }} against {{ baseline }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
  color: #1d2733; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #dde3ea; text-align: left;
  vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.better { color: #0b6b3a; stroke: #0b6b3a; fill: #0b6b3a; }
.worse { color: #a3210f; stroke: #a3210f; fill: #a3210f; }
.unclear { stroke: #66727f; fill: #66727f; }
td.unclear { color: #66727f; }
svg text { font-size: 12px; fill: #1d2733; }
svg line { stroke-width: 2; }
svg line.axis { stroke: #b5bec8; stroke-width: 1; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.sides > div { border: 1px solid #dde3ea; border-radius: 4px; padding: .6rem .8rem;
  overflow-wrap: anywhere; }
ins { background: #d5f0df; text-decoration: none; }
del { background: #f7d9d4; text-decoration: none; }
pre { white-space: pre-wrap; font: inherit; margin: .3rem 0; }
details { margin: .4rem 0; }
small { color: #66727f; }
</style>
</head>
<body>
<h1>{{ candidate }} against {{ baseline }}</h1>
<p>{{ questions }} questions that both were asked, {{ gold }} of them with a gold question.
{%- if left_out %} {{ left_out }} that only one of them has are left out.{% endif %}
{%- if unreplayed %} {{ unreplayed }} that could not be asked any more are left out.{% endif %}
Intervals are paired bootstrap intervals that hold together at {{ confidence }}; p-values are
corrected by Holm's method, q-values by Benjamini and Hochberg's.
{%- if evidently %} <a href="evidently.html">Evidently's report</a> compares the distributions.
{%- endif %}</p>
{% macro rows(changes) %}
{% for one in changes %}<tr><td{% if one.says %} title="{{ one.says }}"{% endif %}>\
{{ one.slice }} {{ one.metric }}</td>
<td class="n">{{ one.baseline }}</td><td class="n">{{ one.candidate }}</td>
<td class="n">{{ one.difference }}</td><td class="n">{{ one.interval }}</td>
<td class="n">{{ one.p }}</td><td class="n">{{ one.q }}</td><td class="n">{{ one.questions }}</td>
<td class="n">{{ one.won }} / {{ one.same }} / {{ one.lost }}</td>
<td class="{{ one.verdict }}">{{ one.verdict }}</td></tr>
{% endfor %}{% endmacro %}
{% macro head(name) %}<tr><th>{{ name }}</th><th>baseline</th><th>candidate</th>
<th>difference</th><th>interval</th><th>p</th><th>q</th><th>questions</th>
<th>won / same / lost</th><th></th></tr>{% endmacro %}
<h2>All questions</h2>
<table>{{ head("metric") }}{{ rows(overall) }}</table>
{% for plot in plots %}<h3>{{ plot.title }}</h3>
{{ plot.svg }}
{% endfor %}
{% if sliced %}<h2>Slices</h2>
<table>{{ head("slice and metric") }}{{ rows(sliced) }}</table>{% endif %}
{% for one in classes %}<h2>Classes, {{ one.side }}</h2>
<p>Accuracy {{ one.accuracy }}, macro F1 {{ one.macro_f1 }}. Rows: as it should be; columns: as it
was.</p>
<table><tr><th></th>{% for label in one.labels %}<th>{{ label }}</th>{% endfor %}
<th>precision</th><th>recall</th><th>F1</th></tr>
{% for row in one.rows %}<tr><th>{{ row.label }}</th>
{% for count in row.counts %}<td class="n">{{ count }}</td>{% endfor %}
<td class="n">{{ row.precision }}</td><td class="n">{{ row.recall }}</td>
<td class="n">{{ row.f1 }}</td></tr>
{% endfor %}</table>{% endfor %}
{% if latency %}<h2>Latency, seconds</h2>
<table><tr><th></th>{% for name in latency[0].names %}<th>{{ name }}</th>{% endfor %}</tr>
{% for one in latency %}<tr><th>{{ one.side }}</th>
{% for value in one.figures %}<td class="n">{{ value }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endif %}
<h2>The worst regressions{% if worst %}, by {{ worst[0].metric }}{% endif %}</h2>
{% for one in worst %}<h3>{{ one.question }}</h3>
<p><small>{{ one.query_id }} of {{ one.tenant }}, asked {{ one.asked_at }}; worse by
{{ one.drop }}{% if one.answers %}; right: {{ one.answers }}{% endif %}</small></p>
<div class="sides">{% for side in one.sides %}<div><strong>{{ side.name }}</strong>
<small>{{ side.status }}, {{ side.tokens }} tokens{% if side.receipt %}, {{ side.receipt }}\
{% endif %}</small>
<pre>{% for kind, text in side.words %}{% if kind == "same" %}{{ text }}{% elif kind == "gone" %}\
<del>{{ text }}</del>{% else %}<ins>{{ text }}</ins>{% endif %}{% endfor %}</pre>
<small>{{ side.figures }}</small>
{% for passage in side.passages %}<details><summary>{{ passage.name }} {{ passage.place }}
<small>{{ passage.score }}{% if not passage.shared %}, only here{% endif %}</small></summary>
<pre>{{ passage.text }}</pre></details>{% endfor %}
{% for claim in side.claims %}<div><small>{{ claim.verdict }}: {{ claim.text }}</small></div>
{% endfor %}</div>
{% endfor %}</div>
{% else %}<p>None.</p>{% endfor %}
</body>
</html>
"""
