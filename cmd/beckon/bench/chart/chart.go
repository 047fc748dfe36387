// Package chart draws lines over logarithmic or even axes, as SVG or PNG.
package chart

import (
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Chart is one or more lines in the same axes.
type Chart struct {
	Title, X, Y string
	// Whether an axis is logarithmic. Then points that are not above 0 are left out.
	LogX, LogY bool
	Lines      []Line
}

// A Line joins points, in the order of their X.
type Line struct {
	Name   string
	Points []Point
}

// A Point is where a Line passes.
type Point struct{ X, Y float64 }

// colors are told apart by people who see red and green alike (Okabe and Ito).
var colors = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff},
	color.RGBA{0xd5, 0x5e, 0x00, 0xff},
	color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0x56, 0xb4, 0xe9, 0xff},
}

const (
	width, height = 16 * vg.Centimeter, 10 * vg.Centimeter
	margin        = 4 * vg.Millimeter
)

// Save writes the chart to a file, in the format that its name ends with: .svg or .png.
func (c Chart) Save(path string) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = c.Title, c.X, c.Y
	p.Title.Padding = 2 * vg.Millimeter
	p.BackgroundColor = color.White
	for _, style := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle,
	} {
		style.Font.Variant = "Sans"
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Millimeter
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)
	if c.LogX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, readable{plot.LogTicks{Prec: -1}}
	} else {
		p.X.Tick.Marker = readable{plot.DefaultTicks{}}
	}
	if c.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, readable{plot.LogTicks{Prec: -1}}
	} else {
		p.Y.Min, p.Y.Tick.Marker = 0, readable{plot.DefaultTicks{}}
	}
	drawn := false
	for i, l := range c.Lines {
		var points plotter.XYs
		for _, at := range l.Points {
			if (!c.LogX || at.X > 0) && (!c.LogY || at.Y > 0) {
				points = append(points, plotter.XY(at))
			}
		}
		if len(points) == 0 {
			continue
		}
		drawn = true
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return fmt.Errorf("draw %s: %w", path, err)
		}
		line.Color, line.Width = colors[i%len(colors)], vg.Points(1.5)
		dots.Color, dots.Shape, dots.Radius = line.Color, draw.CircleGlyph{}, vg.Points(2)
		p.Add(line, dots)
		p.Legend.Add(l.Name, line, dots)
	}
	if !drawn {
		return fmt.Errorf("draw %s: there are no points", path)
	}
	if err := save(p, path); err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	return nil
}

// save draws p with a margin, which is white as the rest is: what is behind may be dark.
func save(p *plot.Plot, path string) error {
	canvas, err := draw.NewFormattedCanvas(width, height, strings.TrimPrefix(filepath.Ext(path), "."))
	if err != nil {
		return err
	}
	whole := draw.New(canvas)
	whole.FillPolygon(color.White, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	p.Draw(draw.Crop(whole, margin, -margin, margin, -margin))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(file)
	return errors.Join(err, file.Close())
}

// readable writes the numbers on an axis as people do: 1,000,000.
type readable struct{ plot.Ticker }

// Ticks implements plot.Ticker.
func (r readable) Ticks(low, high float64) []plot.Tick {
	ticks := r.Ticker.Ticks(low, high)
	for i, tick := range ticks {
		if tick.Label != "" {
			ticks[i].Label = humanize.Commaf(tick.Value)
		}
	}
	return ticks
}
