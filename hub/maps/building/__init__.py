"""Makes map and addresses of an OpenStreetMap extract; needs the extra `map`.

`python -m hub.maps.building` is started by `hub.maps.making`, as a process of its own: it takes
memory and minutes, and what goes wrong in a library of C++ must not take a hub along.
"""
