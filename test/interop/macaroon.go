// Macaroons as go-macaroon makes and verifies them.
package main

import (
	"encoding/hex"

	"gopkg.in/macaroon.v2"
)

type recipe struct {
	// In hex, as the caveats are.
	Identifier string   `json:"identifier"`
	Location   string   `json:"location"`
	Caveats    []string `json:"caveats"`
}

// mintMacaroons answers with the V2 packets of recipes.
func mintMacaroons(q question) (any, error) {
	rootKey, err := hex.DecodeString(q.RootKey)
	if err != nil {
		return nil, err
	}
	packets := []string{}
	for _, recipe := range q.Recipes {
		identifier, err := hex.DecodeString(recipe.Identifier)
		if err != nil {
			return nil, err
		}
		minted, err := macaroon.New(rootKey, identifier, recipe.Location, macaroon.V2)
		if err != nil {
			return nil, err
		}
		for _, text := range recipe.Caveats {
			caveat, err := hex.DecodeString(text)
			if err != nil {
				return nil, err
			}
			if err := minted.AddFirstPartyCaveat(caveat); err != nil {
				return nil, err
			}
		}
		packet, err := encodeMacaroon(minted)
		if err != nil {
			return nil, err
		}
		packets = append(packets, packet)
	}
	return map[string][]string{"packets": packets}, nil
}

// verifyMacaroons says of each packet why it is refused, whatever its caveats are; "" where it holds.
func verifyMacaroons(q question) (any, error) {
	rootKey, err := hex.DecodeString(q.RootKey)
	if err != nil {
		return nil, err
	}
	refusals := []string{}
	for _, packet := range q.Packets {
		refusal := ""
		read, err := decodeMacaroon(packet)
		if err == nil {
			err = read.Verify(rootKey, func(string) error { return nil }, nil)
		}
		if err != nil {
			refusal = err.Error()
		}
		refusals = append(refusals, refusal)
	}
	return map[string][]string{"refusals": refusals}, nil
}
