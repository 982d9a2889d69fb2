using System.Globalization;
using System.Net;
using System.Text;

namespace StableDiffusion.Reports;

/// <summary>Writes a report as one HTML page that needs nothing else: images are data, and no request leaves the page.</summary>
internal static class ReportPage
{
    private const string Template = "Reports/report.html";
    private const double Mebibyte = 1 << 20;

    /// <summary>Writes the page.</summary>
    /// <param name="content">What it shows.</param>
    /// <returns>The page.</returns>
    public static string Write(ReportContent content)
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream(Template)!;
        using StreamReader reader = new(stream);
        StringBuilder body = new();
        WriteHead(body, content);
        WritePrompts(body, content.Prompts);
        WriteSteps(body, content.Steps);
        WriteChannels(body, content.Channels);
        WriteStages(body, content);
        WriteScript(body, content.Script);
        
        // Texts of the page can hold the marks of the template.
        string[] parts = reader.ReadToEnd().Split("{{title}}");
        string[] rest = parts[1].Split("{{body}}");
        return string.Concat(parts[0], Encode(content.Title), rest[0], body.ToString(), rest[1]);
    }

    private static void WriteHead(StringBuilder body, ReportContent content)
    {
        body.Append(CultureInfo.InvariantCulture, $"<header><h1>{Encode(content.Title)}</h1><div class=\"pair\"><div class=\"stack\">{Image(content.Image)}<img id=\"map\" alt=\"\" hidden></div><table><caption>Settings</caption><tbody>");
        foreach ((string name, string value) in content.Settings)
            body.Append(CultureInfo.InvariantCulture, $"<tr><th scope=\"row\">{Encode(name)}</th><td>{Encode(value)}</td></tr>");
        body.Append(CultureInfo.InvariantCulture, $"</tbody></table></div><p>{Encode(content.Verdict)}{(content.Remark is null ? string.Empty : " " + Encode(content.Remark))}</p></header>");
    }

    private static void WritePrompts(StringBuilder body, IReadOnlyList<ReportPrompt> prompts)
    {
        if (prompts.Count == 0)
            return;
        bool hasMaps = prompts.Any(static prompt => prompt.Tokens.Any(static token => token.Map is not null));
        body.Append("<section><h2>Text to vectors</h2><p>The tokenizer cuts a prompt into tokens of its vocabulary, and the text encoder makes a vector of each.");
        body.Append(hasMaps ? "<span class=\"screen\"> Point at a token, or move to it with the Tab key, to see where in the image the U-Net looked at it.</span></p>" : "</p>");
        foreach (ReportPrompt prompt in prompts)
        {
            body.Append(CultureInfo.InvariantCulture, $"<h3>{Encode(prompt.Name)}</h3>");
            if (prompt.Tokens.Count == 0)
                continue;
            body.Append("<ol class=\"tokens\">");
            foreach (ReportToken token in prompt.Tokens)
            {
                string weight = token.Weight == 1 ? string.Empty : string.Create(CultureInfo.InvariantCulture, $" × {token.Weight:0.###}");
                string map = token.Map is null ? string.Empty : $" tabindex=\"0\" data-map=\"{token.Map.Address}\" data-text=\"{Encode(token.Map.Text)}\"";
                body.Append(CultureInfo.InvariantCulture, $"<li{map}><b>{Encode(token.Text)}</b><small>{token.Id}{weight}</small></li>");
            }

            body.Append("</ol>");
            if (prompt.MissingMaps > 0)
                body.Append(CultureInfo.InvariantCulture, $"<p>The page has no room for the maps of the last {prompt.MissingMaps} tokens.</p>");
            if (prompt.LostText.Length > 0)
                body.Append(CultureInfo.InvariantCulture, $"<p>Left out, since the text encoder reads no more: <q>{Encode(prompt.LostText)}</q></p>");
        }

        body.Append("</section>");
    }

    private static void WriteSteps(StringBuilder body, IReadOnlyList<ReportStep> steps)
    {
        if (steps.Count == 0)
            return;
        ReportStep[] shown = [.. steps.Where(static step => step.Image is not null)];
        body.Append("<section><h2>From noise to an image</h2>");
        if (shown.Length > 0)
        {
            body.Append("<p>The clean image that the U-Net expects at each step:</p>");
            body.Append(CultureInfo.InvariantCulture, $"<div id=\"film\"><label>Step <input type=\"range\" min=\"0\" max=\"{shown.Length - 1}\" value=\"{shown.Length - 1}\" hidden> <output></output></label><div class=\"frames\">");
            foreach (ReportStep step in shown)
                body.Append(CultureInfo.InvariantCulture, $"<figure data-step=\"{step.Number}\" data-of=\"{steps.Count}\">{Image(step.Image!)}<figcaption>{Encode(step.Image!.Text)}</figcaption></figure>");
            body.Append("</div></div>");
        }

        WritePlot(body, "The schedule: the noise level (sigma) before each step", [.. steps.Select(static step => step.Sigma)]);
        WritePlot(body, "The timestep at which the U-Net ran", [.. steps.Select(static step => step.Sigma is null ? step.Timestep : null)]);
        WritePlot(body, "The spread (standard deviation) of the latent's values after each step", [.. steps.Select(static step => (double?)step.Spread)]);
        WritePlot(body, "How far the noise predictions with and without the prompt lie apart, relative to their size", [.. steps.Select(static step => step.Guidance)]);
        body.Append("</section>");
    }

    private static void WritePlot(StringBuilder body, string title, double?[] values)
    {
        string plot = ReportPlot.Draw(values, title);
        if (plot.Length > 0)
            body.Append(CultureInfo.InvariantCulture, $"<figure class=\"plot\"><figcaption>{Encode(title)}</figcaption>{plot}</figure>");
    }

    private static void WriteChannels(StringBuilder body, IReadOnlyList<ReportImage> channels)
    {
        if (channels.Count == 0)
            return;
        body.Append(CultureInfo.InvariantCulture, $"<section><h2>The latent</h2><p>The decoder made the image of this latent. Its {channels.Count} channels, from the lowest value (black) to the highest (white):</p><div class=\"row\">");
        foreach (ReportImage channel in channels)
            body.Append(CultureInfo.InvariantCulture, $"<figure>{Image(channel)}<figcaption>{Encode(channel.Text)}</figcaption></figure>");
        body.Append("</div></section>");
    }

    private static void WriteStages(StringBuilder body, ReportContent content)
    {
        body.Append("<section><h2>Stages</h2><table><thead><tr><th scope=\"col\">Stage</th><th scope=\"col\">Time</th><th scope=\"col\">Memory of the process after it</th></tr></thead><tbody>");
        foreach (ReportStage stage in content.Stages)
            body.Append(CultureInfo.InvariantCulture, $"<tr><th scope=\"row\">{Encode(stage.Name)}</th><td>{stage.Time.TotalSeconds:0.00} s</td><td>{stage.Memory / Mebibyte:0} MiB</td></tr>");
        body.Append(CultureInfo.InvariantCulture, $"</tbody></table><p>{Encode(content.Made)} Prompts that were encoded before in the same session take no time.</p></section>");
    }

    private static void WriteScript(StringBuilder body, string? script)
    {
        if (script is not null)
            body.Append(CultureInfo.InvariantCulture, $"<section><h2>Make it again</h2><pre tabindex=\"0\">{WebUtility.HtmlEncode(script)}</pre></section>");
    }

    private static string Image(ReportImage image) => $"<img src=\"{image.Address}\" alt=\"{Encode(image.Text)}\">";

    private static string Encode(string text) => WebUtility.HtmlEncode(PrintableText.Of(text, int.MaxValue));
}
