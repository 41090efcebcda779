#!/bin/sh
# Each module includes only modules of earlier rows; some libraries have one includer. Run from the repository root.
set -u
order='base linalg io labels metrics geometry model theory optim certify convex constrained solve landscape data nets report verify experiment cli'
failed=0
complain() {
	echo "check-layers: $1" >&2
	failed=1
}
# The modules that a file includes: <ufmlab/X.h> and "X/..." .
includes() {
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]ufmlab\/\([a-z0-9_]*\)\.h[>"].*/\1/p' "$1"
	for module in $order; do
		grep -q "^[[:space:]]*#[[:space:]]*include[[:space:]]*\"\(\.\./\)*$module/" "$1" && echo "$module"
	done
}
for folder in src/*/; do
	name=$(basename "$folder")
	case " $order " in *" $name "*) ;; *) complain "module $name is not in the table of tests/check-layers.sh" ;; esac
done
files=0
earlier=
for module in $order; do
	public=include/ufmlab/$module.h
	[ "$module" = cli ] && public=
	for file in $public "src/$module"/*.[chd]*; do
		[ -f "$file" ] || { complain "$module has no $file"; continue; }
		files=$((files + 1))
		for used in $(includes "$file"); do
			case " $earlier $module " in *" $used "*) ;; *) complain "$file includes $used, which is not below $module" ;; esac
		done
	done
	earlier="$earlier $module"
done
# A prediction, an optimum and its certificate must not be able to share a bug.
strangers() { # MODULE FORBIDDEN...
	module=$1
	shift
	for file in include/ufmlab/"$module".h src/"$module"/*.[ch]; do
		for used in $(includes "$file"); do
			case " $* " in *" $used "*) complain "$file includes $used; $module must not know it" ;; esac
		done
	done
}
strangers theory model optim certify
strangers certify model optim theory
strangers model theory
strangers convex optim theory
only() { # PATTERN MODULE: includes that match belong to one module
	found=$(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($1)" src/*/*.[ch] include/ufmlab/*.h | grep -vE "^(src/$2/|include/ufmlab/$2\.h)")
	[ -z "$found" ] || complain "only $2 may include $1: $found"
}
only '(arpack/)?arpack\.h|cblas.h|lapacke.h|openblas' linalg
only 'gsl/gsl_multimin' optim
only 'hdf5|yajl' io
only 'cyaml' experiment
only 'oneapi/|dnnl' nets
only '(zlib|zconf)\.h' '(data|io)'
only '(png|pngconf|jpeglib|jerror|jmorecfg|matio|gcrypt|archive|archive_entry)\.h|curl/' data
[ "$failed" = 0 ] && echo "check-layers: $files files in $(echo $order | wc -w) modules, every include points down"
exit "$failed"
