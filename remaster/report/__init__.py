"""What a person looks at during and after a run.

In: the tables of a run (``tables.VIDEOS``, ``tables.SHOTS``), its facts, and its previews. Out: text on the console,
``report/index.html``, JPEG and PNG pictures. ``summary.py`` computes the numbers, ``console.py`` prints them and
``page.py`` renders them as HTML from ``templates/``; ``progress.py`` shows a run while it goes on, ``preview.py`` draws
a shot before and after, ``text.py`` formats numbers, times and names.
"""
