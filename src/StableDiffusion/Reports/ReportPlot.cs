using System.Globalization;
using System.Net;
using System.Text;

namespace StableDiffusion.Reports;

/// <summary>A line plot as SVG, whose colors are those of the page.</summary>
internal static class ReportPlot
{
    private const int Width = 560;
    private const int Height = 200;
    private const int Left = 56;
    private const int Right = 12;
    private const int Top = 12;
    private const int Bottom = 32;
    private const int Ticks = 4;
    private const double Half = 0.5;

    /// <summary>Draws a line.</summary>
    /// <param name="values">The values by step, from 1; those that are null are left out.</param>
    /// <param name="title">What they are, for readers who do not see the plot.</param>
    /// <returns>The SVG element; empty for fewer than two values.</returns>
    public static string Draw(IReadOnlyList<double?> values, string title)
    {
        double[] known = [.. values.OfType<double>().Where(double.IsFinite)];
        if (known.Length < 2)
            return string.Empty;
        double low = Math.Min(0, known.Min()), high = known.Max() > low ? known.Max() : low + 1;
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg viewBox="0 0 {Width} {Height}" role="img" aria-label="{WebUtility.HtmlEncode(title)}">""");
        for (int tick = 0; tick <= Ticks; tick++)
        {
            double value = low + ((high - low) * tick / Ticks), y = Y(value);
            svg.Append(CultureInfo.InvariantCulture, $"""<line class="grid" x1="{Left}" x2="{Width - Right}" y1="{y:f1}" y2="{y:f1}"/><text x="{Left - 6}" y="{y + 4:f1}" text-anchor="end">{value:g3}</text>""");
        }

        foreach (int step in new[] { 1, (values.Count + 1) / 2, values.Count }.Distinct())
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{X(step - 1):f1}" y="{Height - 10}" text-anchor="middle">{step}</text>""");
        svg.Append("""<polyline class="line" points=" """.TrimEnd());
        for (int step = 0; step < values.Count; step++)
        {
            if (values[step] is double value && double.IsFinite(value))
                svg.Append(CultureInfo.InvariantCulture, $"{X(step):f1},{Y(value):f1} ");
        }

        return svg.Append(CultureInfo.InvariantCulture, $"""
            "/><line class="now" x1="{X(0):f1}" x2="{X(0):f1}" y1="{Top}" y2="{Height - Bottom}" data-first="{X(0):f1}" data-last="{X(values.Count - 1):f1}"/></svg>
            """).ToString();

        double X(int step) => Left + ((Width - Left - Right) * (values.Count == 1 ? Half : (double)step / (values.Count - 1)));

        double Y(double value) => Top + ((Height - Top - Bottom) * (1 - ((value - low) / (high - low))));
    }
}
