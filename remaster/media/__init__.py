"""Media files, streams and pixel planes: the only package that imports PyAV.

Steps import ``types`` and ``planes`` only, which need NumPy and OpenCV. Reading, in reading order: ``containers`` opens
files (``discs`` and ``disc_images``: DVDs), ``probe`` reads the headers into a ``VideoInfo`` (``formats``, ``hdr``,
``siting``, ``apertures``, ``frame_properties``), ``decode`` returns frames (``timeline``, ``discontinuities`` and
``timestamp_repair``: their times), and ``source`` treats them (deinterlacing, cropping, scaling). Writing: ``encode``
writes segments (``encoders``: options; ``scheduling``, ``partfile``), ``loop`` the small films of previews, and
``remux`` assembles results with the source's other tracks (``track_copy``, ``silence``, ``captions``, ``subtitles``)
and headers (``headers``, ``matroska``, ``mp4``). Checking: ``verify`` compares a result with its source by an
independent reading (``plain``, ``picture_check``), ``centre`` its pixels.
"""
