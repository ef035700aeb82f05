#!/bin/sh
export OMP_NUM_THREADS=16
export OMP_NUM_THREAD=2
exec gunicorn --workers 4 app:app
