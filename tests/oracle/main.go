// An independent judge of notes and proofs: golang.org/x/mod answers, we compare.
//
// Reads jobs as JSON lines from standard input and writes OK or FAIL for each. Built without
// a network: GO111MODULE=off GOPATH=/usr/share/gocode (Debian packages golang-go and
// golang-golang-x-mod-dev). Cosignatures are unknown to that library.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type job struct {
	Do    string   // note, record or tree
	Note  string   // base64 of the bytes of a note
	Keys  []string // vkeys that may sign it
	Proof []string // base64 of hashes
	Size  int64    // of the newer tree
	Root  string
	At    int64  // index of the record, or size of the older tree
	Hash  string // of the record, or root of the older tree
}

func hash(text string) (tlog.Hash, bool) {
	var found tlog.Hash
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize {
		return found, false
	}
	copy(found[:], raw)
	return found, true
}

func opens(todo job) bool {
	var known []note.Verifier
	for _, key := range todo.Keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return false
		}
		known = append(known, verifier)
	}
	text, err := base64.StdEncoding.DecodeString(todo.Note)
	if err != nil {
		return false
	}
	_, err = note.Open(text, note.VerifierList(known...))
	return err == nil
}

func proves(todo job) bool {
	var path []tlog.Hash
	for _, text := range todo.Proof {
		item, ok := hash(text)
		if !ok {
			return false
		}
		path = append(path, item)
	}
	root, ok := hash(todo.Root)
	start, well := hash(todo.Hash)
	if !ok || !well {
		return false
	}
	if todo.Do == "record" {
		return tlog.CheckRecord(path, todo.Size, root, todo.At, start) == nil
	}
	return tlog.CheckTree(path, todo.Size, root, todo.At, start) == nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var todo job
		good := json.Unmarshal(lines.Bytes(), &todo) == nil
		switch {
		case good && todo.Do == "note":
			good = opens(todo)
		case good && (todo.Do == "record" || todo.Do == "tree"):
			good = proves(todo)
		default:
			fmt.Fprintln(os.Stderr, "no such job")
			os.Exit(2)
		}
		if good {
			fmt.Fprintln(out, "OK")
		} else {
			fmt.Fprintln(out, "FAIL")
		}
	}
	if lines.Err() != nil {
		fmt.Fprintln(os.Stderr, lines.Err())
		os.Exit(2)
	}
}
