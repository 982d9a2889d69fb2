using System.Text.RegularExpressions;

namespace HelpGenerator;

/// <summary>
/// The parameters of each cmdlet that take their values from properties, as a list for topics about tables. A topic asks
/// for it by a line <c>&lt;!-- columns: Verb-Noun --&gt;</c>, so what it says cannot differ from what binds.
/// </summary>
internal sealed partial class ColumnLists
{
    private readonly Dictionary<string, IReadOnlyList<Paragraph>> _lists = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes the columns from a cmdlet, and the first sentence of each one's help from its page.</summary>
    public void Add(CmdletSurface cmdlet, CmdletPage page) => _lists[cmdlet.Name] =
    [
        .. from parameter in cmdlet.Parameters
           where parameter.ByPropertyName
           let text = page.Parameters.FirstOrDefault(entry => entry.Title == "-" + parameter.Name)?.Text.FirstOrDefault()?.Text ?? string.Empty
           let aliases = parameter.Aliases.Count > 0 ? $" (or: {string.Join(", ", parameter.Aliases)})" : string.Empty
           select new Paragraph($"{parameter.Name}{aliases}: {FirstSentence().Match(text).Value.TrimEnd(':')}", Mark: "- "),
    ];

    /// <summary>The list that a block of a page asks for.</summary>
    /// <param name="html">The block's text.</param>
    /// <param name="cmdlet">Receives the cmdlet's name, or null where the block asks for no list.</param>
    /// <returns>The list; null where there is no such cmdlet.</returns>
    public IReadOnlyList<Paragraph>? Find(string html, out string? cmdlet)
    {
        Match request = Request().Match(html);
        cmdlet = request.Success ? request.Groups[1].Value : null;
        return cmdlet is null ? null : _lists.GetValueOrDefault(cmdlet);
    }

    [GeneratedRegex(@"^<!-- columns: (\S+) -->$")]
    private static partial Regex Request();

    [GeneratedRegex(@"^.*?[.](?=\s|$)|^.*")]
    private static partial Regex FirstSentence();
}
