"""What `--help` tells of each command besides its options: examples, files, exit codes."""

GRADE = """examples:
  grader grade submissions/ -a distillation_tf -o out
  grader grade class.zip -a distillation_tf -o out -j 4 --lang ko
  grader grade kim.ipynb -a distillation_tf -o out --again --no-train
  grader grade moodle-download.zip -a distillation_tf -o out --roster worksheet.csv
  grader grade handed-in/ -a distillation_tf -o out --format gradescope --reply results/
  grader grade class/ -a distillation_tf -o out --engine dask --scheduler tcp://10.0.0.5:8786

Takes a folder of notebooks, a folder per learner, the zips and folders that Moodle, Canvas, Gradescope and
nbgrader export, and git clones; says what it recognised. The same command again grades only what is new or
changed. out/index.html shows the class, out/grades.csv holds one row per submission, out/<id>/feedback.html
(and .md) is what its learner should read, out/<id>/result.json everything.
With --format, PATH is what one learner handed in; the answer is that of an autograder, renewed as more is known.
exit codes: 0 every submission has a final grade, 3 some have not (listed), 2 usage or configuration; with --format
the one that the system wants."""
REGRADE = """example:
  grader regrade out

After a change of rubric.yaml: applies the new points to what was observed, without running anybody's code.
After a change of an assignment's cases: runs only what has changed. Options are those of the first run.
exit codes: 0 every submission has a final grade, 3 some have not (listed), 2 usage or configuration."""
STATUS = """examples:
  grader status out
  grader status out --watch

Shows from another terminal how far a run is; it disturbs nobody.
exit codes: 0 told, 2 no graded class there."""
DIFF = """examples:
  grader diff out-before out-after
  grader diff out-before out-after --json

exit codes: 0 nobody's grade moved, 1 somebody's did (listed with the reason), 2 usage."""
CHECK = """examples:
  grader check my.ipynb
  grader check my.ipynb -e attention_transfer --lang ko
  grader check my.ipynb -e Q2 --hints 3
  grader check my.ipynb --train
  grader check my.ipynb -e Q2 --hints 3

exit codes: 0 all passed, 1 something to mend, 2 could not check."""
WATCH = """examples:
  grader watch my.ipynb
  grader watch my.ipynb -e Q3

The framework is imported once; each save is checked within a second. Ctrl-C ends it.
exit codes: 0 ended with Ctrl-C, 2 could not check."""
RECEIPT = """example:
  grader receipt receipt.json --notebook my.ipynb

exit codes: 0 signed with this course's kit, 1 it is not, 2 no receipt."""
KIT = """example:
  grader kit distillation_tf -o kit.zip

The zip holds the notebook, what is asked and the numbers of the public cases; no reference, no hidden case,
no secret.
exit codes: 0 written, 2 usage or configuration."""
NEW = """examples:
  grader new my_assignment
  grader new my_assignment --framework torch --title-en "Attention" --title-ko "어텐션"

Writes assignments/<slug>/, reference/<slug>/ and a block of rubric.yaml: two small exercises that vet green,
to be replaced by your own. Nothing that exists is touched; after an error nothing is left behind.
exit codes: 0 written, 2 usage or configuration (no such name, the name is taken, the framework is missing)."""
VET = """example:
  grader vet distillation_tf

exit codes: 0 the assignment is sound, 1 it is not, 2 usage or configuration."""
BAKE = """example:
  grader bake distillation_tf

Writes assignments/<slug>/public.npz. --check only says whether it is up to date."""
DOCTOR = "example:\n  grader doctor\n\nexit codes: 0 strangers' code can be graded here, 1 it cannot."
CACHE = """examples:
  grader cache
  grader cache clear --training

Expected answers of the hidden cases and finished training runs are kept below .grader/cache to save time.
Nothing else is lost with them: grades stay in their folders, and the secret is never touched.
exit codes: 0 done, 2 usage or configuration."""
INIT = "example:\n  grader init\n\nMakes .grader/secret once; an existing one is never overwritten."
EXPORT = """examples:
  grader export out --format moodle --sheet "Grades-DL101-HW1-1.csv" --dry-run
  grader export out --format canvas --sheet gradebook.csv
  grader export out --format junit -t reports/

exit codes: 0 all written, 2 usage or a file that the system would misread, 3 some are not final and left out."""
PACKAGE = """examples:
  grader package gradescope distillation_tf -o autograder.zip
  grader package gradescope distillation_tf -o autograder.zip --lang ko --seconds 2300

exit codes: 0 written, 2 usage or configuration."""
PUSH = """examples:
  CANVAS_TOKEN=... grader push canvas out --url https://canvas.example.edu --course 12 --assignment 345
  MOODLE_TOKEN=... grader push moodle out --url https://moodle.example.edu --assignment 7 --apply

exit codes: 0 done and read back, 1 some was not taken (listed), 2 usage, 3 some are not final and left out."""
SERVE = """examples:
  grader serve --config serve.yaml --invite
  grader serve --config serve.yaml

The first prints an address that an administrator pastes into the learning system (dynamic registration); the
second serves. SIGTERM lets what is being graded finish; what does not is graded at the next start.
GRADER_DATABASE=postgresql+psycopg://... names a database without writing its password into the file.
exit codes: 0 stopped, 2 usage or configuration."""
