"""The project's own sample budgets: figures as data, a model that always balances, and renderers to documents.

Entry points, each in its module:

* `samples.load.load_budget(key)`: a budget of `figures/` (`city`, `district`)
* `samples.draw.draw_budget(seed, n_items, traits)`, `draw_layout(seed)`: random budgets that balance, and page layouts
* `samples.forms.printed(budget)`: the printed content, which every renderer takes
* `samples.render_pdf.render_pdf(content, layout)`, and `render_docx`, `render_xlsx`, `render_html`, `render_markdown`,
  `render_text` (tab-separated) and `render_flattened` (columns lost), each in the module of its name: bytes of a document
* `samples.truth.expected_facts(budget)`: what a reader should find
* `samples.bucket.SAMPLES`, `build(directory)`, `draw(directory, count)`: the sample bucket and documents for load;
  on the command line `python -m samples build|draw|list`

Every publisher and district is invented; sentences are our own; account names and form titles are the public ones.
"""
