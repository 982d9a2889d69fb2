using System.Text.RegularExpressions;

namespace HelpGenerator;

/// <summary>
/// The parameters of each cmdlet that take their values from properties, as a list for topics about tables. A topic asks
/// for it by <c>&lt;!-- columns: Verb-Noun; first: Name, Name --&gt;</c>, so what it says cannot differ from what binds.
/// </summary>
internal sealed partial class ColumnLists
{
    private readonly Dictionary<string, IReadOnlyDictionary<string, Paragraph>> _lists = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes the columns from a cmdlet, and the first sentence of each one's help from its page.</summary>
    public void Add(CmdletSurface cmdlet, CmdletPage page) => _lists[cmdlet.Name] =
        (from parameter in cmdlet.Parameters
         where parameter.ByPropertyName
         let text = page.Parameters.FirstOrDefault(entry => entry.Title == "-" + parameter.Name)?.Text.FirstOrDefault()?.Text ?? string.Empty
         let aliases = parameter.Aliases.Count > 0 ? $" (or: {string.Join(", ", parameter.Aliases)})" : string.Empty
         select (parameter.Name, Item: new Paragraph($"{parameter.Name}{aliases}: {FirstSentence().Match(text).Value}", Mark: "- ")))
        .ToDictionary(column => column.Name, column => column.Item, StringComparer.OrdinalIgnoreCase);

    /// <summary>The list that a block of a page asks for.</summary>
    /// <param name="html">The block's text.</param>
    /// <param name="report">Receives what is wrong with the request.</param>
    /// <returns>The columns that the block names first, and the others by name; none where the block asks for no list.</returns>
    public IReadOnlyList<Paragraph> Find(string html, Action<string> report)
    {
        Match request = Request().Match(html);
        if (!request.Success)
            return [];
        string cmdlet = request.Groups["cmdlet"].Value;
        if (!_lists.TryGetValue(cmdlet, out IReadOnlyDictionary<string, Paragraph>? columns))
        {
            report($"There is no cmdlet {cmdlet} to list the columns of.");
            return [];
        }

        string[] first = request.Groups["first"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (string name in first.Where(name => !columns.ContainsKey(name)))
            report($"{cmdlet} has no column {name} to list first.");
        IEnumerable<string> others = columns.Keys.Except(first, StringComparer.OrdinalIgnoreCase);
        return [.. first.Where(columns.ContainsKey).Concat(others).Select(name => columns[name])];
    }

    [GeneratedRegex(@"^<!-- columns: (?<cmdlet>[\w-]+)(; first: (?<first>[^>]+?))? -->$", RegexOptions.ExplicitCapture)]
    private static partial Regex Request();

    [GeneratedRegex(@"^.*?[.](?=\s|$)|^.*")]
    private static partial Regex FirstSentence();
}
