// Schemas writes one strict JSON schema per kind, for kubeconform, out of Kubernetes' OpenAPI document: members that the
// API does not know are errors. The document comes from a pinned Go module, so no schema site is needed.
//
//	go run schemas.go SWAGGER_JSON FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

type object = map[string]any

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: go run schemas.go SWAGGER_JSON FOLDER"))
	}
	text, err := os.ReadFile(os.Args[1])
	fail(err)
	var document struct {
		Definitions map[string]object `json:"definitions"`
	}
	fail(json.Unmarshal(text, &document))
	for name, definition := range document.Definitions {
		tighten(name, definition)
	}
	fail(os.MkdirAll(os.Args[2], 0o755))
	written := 0
	for name, definition := range document.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue
		}
		needed := map[string]object{}
		collect(name, document.Definitions, needed)
		schema := object{"$ref": "#/definitions/" + name, "definitions": needed}
		content, err := json.Marshal(schema)
		fail(err)
		fail(os.WriteFile(filepath.Join(os.Args[2], file(kinds[0].(object))), content, 0o644))
		written++
	}
	if written == 0 {
		fail(fmt.Errorf("%s defines no kinds", os.Args[1]))
	}
}

// File is kubeconform's own name for a kind: `cronjob-batch-v1.json`.
func file(kind object) string {
	parts := []string{kind["kind"].(string)}
	if group, _, _ := strings.Cut(kind["group"].(string), "."); group != "" {
		parts = append(parts, group)
	}
	return strings.ToLower(strings.Join(append(parts, kind["version"].(string)), "-")) + ".json"
}

// Tighten refuses unknown members, and lets the two types through that are written as a string or a number.
func tighten(name string, definition object) {
	if strings.HasSuffix(name, ".IntOrString") || strings.HasSuffix(name, ".Quantity") {
		delete(definition, "type")
		delete(definition, "format")
		definition["type"] = []string{"string", "number"}
		return
	}
	if _, typed := definition["properties"]; typed {
		definition["additionalProperties"] = false
	}
}

// Collect gathers a definition and all that it refers to.
func collect(name string, all map[string]object, into map[string]object) {
	definition, known := all[name]
	if _, done := into[name]; done || !known {
		return
	}
	into[name] = definition
	follow(definition, func(to string) { collect(to, all, into) })
}

func follow(value any, found func(string)) {
	switch value := value.(type) {
	case object:
		if reference, isText := value["$ref"].(string); isText {
			found(strings.TrimPrefix(reference, "#/definitions/"))
		}
		for _, member := range value {
			follow(member, found)
		}
	case []any:
		for _, member := range value {
			follow(member, found)
		}
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}
