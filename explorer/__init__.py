"""The explorer: a static site about the published budgets, written beside the data under `curated/reports/`.

Pure: frames of the published datasets and drawn pages go in, files come out. It needs no server: data comes as classic
scripts that call a registering function, so that it works from disk, where browsers block everything else.

    index.html accounts.html findings.html compare.html     the views, whose words and behaviour are in assets/
    budgets/<budget>.html  budgets/<budget>.js               a page per budget, and what it shows
    pictures/<document>/<page>.webp                          pages of the document that hold figures or findings
    data/shards.js                                           which partitions there are: written last
    data/index|findings/<partition>.js                       the rows of a partition in the index and on the findings board
    data/accounts/<class>/<partition>.js                     what the budgets of a partition give to a class of accounts
"""
