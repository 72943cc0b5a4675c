// What a real API server reckons that rules of definitions cost: reads
// crates/apiserver/src/crd/structural/costs.json, and writes it with their costs.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

type table struct {
	Schemas map[string]json.RawMessage `json:"schemas"`
	Rules   []*row                     `json:"rules"`
}

type row struct {
	// The schema of the values that the rule is about.
	Of   string `json:"of"`
	Rule string `json:"rule"`
	// What it costs at most, and how often the smallest of them fits into a request.
	Cost  uint64 `json:"cost"`
	Times uint64 `json:"times"`
	Error string `json:"error,omitempty"`
}

// What the names of schemas of whole resources begin with.
const whole = "whole"

func main() {
	var table table
	if err := json.NewDecoder(os.Stdin).Decode(&table); err != nil {
		fmt.Fprintln(os.Stderr, "standard input is no table of rules:", err)
		os.Exit(1)
	}
	environments := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	schemas, _ := json.Marshal(table.Schemas)
	fmt.Printf("{\"schemas\": %s,\n\"rules\": [", schemas)
	for i, row := range table.Rules {
		row.Error = ""
		if err := row.estimate(table.Schemas[row.Of], environments); err != nil {
			row.Error = err.Error()
		}
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(row)
		if i > 0 {
			fmt.Print(",")
		}
		fmt.Printf("\n%s", bytes.TrimSpace(line.Bytes()))
	}
	fmt.Println("\n]}")
}

func (r *row) estimate(of json.RawMessage, environments *environment.EnvSet) error {
	var outer v1.JSONSchemaProps
	if err := json.Unmarshal(of, &outer); err != nil {
		return err
	}
	outer.XValidations = v1.ValidationRules{{Rule: r.Rule}}
	var inner apiextensions.JSONSchemaProps
	if err := v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&outer, &inner, nil); err != nil {
		return err
	}
	structural, err := schema.NewStructural(&inner)
	if err != nil {
		return err
	}
	declared := model.SchemaDeclType(structural, strings.HasPrefix(r.Of, whole))
	results, err := cel.Compile(structural, declared, celconfig.PerCallLimit, environments, cel.NewExpressionsEnvLoader())
	if err != nil {
		return err
	}
	if results[0].Error != nil {
		return results[0].Error
	}
	r.Cost, r.Times = results[0].MaxCost, results[0].MaxCardinality
	return nil
}
