package etcd_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"testing"
)

// What `go doc` shows of each exported name begins with a comment.
func TestEachNameHasAComment(t *testing.T) {
	_, file, _, _ := runtime.Caller(0)
	sources := token.NewFileSet()
	var files []*ast.File
	for _, path := range must(filepath.Glob(filepath.Join(filepath.Dir(file), "*.go"))) {
		files = append(files, must(parser.ParseFile(sources, path, nil, parser.ParseComments)))
	}
	about := must(doc.NewFromFiles(sources, files, "etcd"))
	want(t, "of the package", about.Doc != "", true)
	functions, count := about.Funcs, 0
	for _, named := range about.Types {
		want(t, named.Name, named.Doc != "", true)
		functions = append(append(functions, named.Funcs...), named.Methods...)
	}
	for _, function := range functions {
		want(t, function.Name, function.Doc != "", true)
		count++
	}
	want(t, "all are found", count > 80, true)
}
