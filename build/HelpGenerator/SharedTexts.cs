using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace HelpGenerator;

/// <summary>
/// The descriptions of parameters that several cmdlets have, each written once. A page includes them by a link
/// to the page of shared texts before its first parameter, and that of one parameter, to add to it, by a link to it in a
/// paragraph of its own. So people who read the pages can follow the links.
/// </summary>
internal sealed class SharedTexts
{
    private const string Folder = "shared/";
    private const string Page = Folder + "Parameters.md";

    private readonly string _file;
    private readonly Dictionary<string, CmdletPage.Entry> _entries = new(StringComparer.Ordinal);

    private SharedTexts(string file) => _file = file;

    /// <summary>Reads the page of shared texts: a section for each parameter.</summary>
    /// <param name="pages">The folder of the cmdlets' pages.</param>
    /// <param name="problems">Receives sections without a text, and second ones of a parameter.</param>
    public static SharedTexts Read(string pages, Problems problems)
    {
        SharedTexts shared = new(Path.Combine(pages, Page));
        foreach (Section section in Section.Split(MarkdownText.Parse(shared._file), level: 2).Where(section => section.Title.Length > 0))
        {
            CmdletPage.Entry entry = new(section.Title, section.Line, [.. MarkdownText.Paragraphs(section.Blocks)]);
            if (entry.Text.Count == 0)
                problems.Add(shared._file, entry.Line, $"'{entry.Title}' is not described.");
            if (!shared._entries.TryAdd(entry.Title, entry))
                problems.Add(shared._file, entry.Line, $"'{entry.Title}' has more than one section.");
        }

        return shared;
    }

    /// <summary>Whether what stands before the first parameter of a page includes the texts of all that have no section.</summary>
    /// <param name="section">What stands there.</param>
    public static bool IsForOthers(Section section) => section.Title.Length == 0 && section.Blocks.SelectMany(Links).Any(link => link.Url == Page);

    /// <summary>The shared text of a parameter; null where there is none.</summary>
    /// <param name="title">The heading of its section.</param>
    public CmdletPage.Entry? Find(string title) => _entries.TryGetValue(title, out CmdletPage.Entry? entry) ? entry with { IsShared = true } : null;

    /// <summary>A parameter's section of a page, with the shared text in place of the link to it.</summary>
    /// <param name="section">The section.</param>
    /// <param name="file">The page.</param>
    /// <param name="problems">Receives links that lead nowhere.</param>
    public CmdletPage.Entry Include(Section section, string file, Problems problems)
    {
        List<Paragraph> text = [];
        List<Paragraph> own = [];
        bool isShared = false;
        foreach (Block block in section.Blocks)
        {
            if (!Links(block).Any(link => link.Url?.StartsWith(Folder, StringComparison.Ordinal) == true))
            {
                Paragraph[] paragraphs = [.. MarkdownText.Paragraphs([block])];
                text.AddRange(paragraphs);
                own.AddRange(paragraphs);
                continue;
            }

            isShared = true;
            string address = $"{Page}#{section.Title.ToLowerInvariant()}";
            if (block is not ParagraphBlock { Inline: { } inline } || inline.ToArray() is not [LinkInline link] || link.Url != address)
                problems.Add(file, block.Line, $"The shared text of '{section.Title}' is included by a paragraph with nothing but a link to '{address}'.");
            else if (_entries.TryGetValue(section.Title, out CmdletPage.Entry? shared))
                text.AddRange(shared.Text);
            else
                problems.Add(file, block.Line, $"{Page} has no section '## {section.Title}'.");
        }

        return new CmdletPage.Entry(section.Title, section.Line, text, Join(own), isShared);
    }

    /// <summary>Compares the pages: each shared text is included by two or more, and no text is written twice.</summary>
    public void Check(IReadOnlyList<CmdletPage> pages, Problems problems)
    {
        foreach (CmdletPage.Entry shared in _entries.Values)
        {
            int count = pages.Count(page => page.Parameters.Any(entry => entry.IsShared && entry.Title == shared.Title));
            if (count < 2)
                problems.Add(_file, shared.Line, $"'{shared.Title}' is included by {count} of the pages. A shared text is for two or more.");
        }

        Dictionary<string, string> seen = new(StringComparer.Ordinal);
        foreach ((CmdletPage page, CmdletPage.Entry entry) in pages.SelectMany(page => page.Parameters.Select(entry => (page, entry))).Where(item => item.entry.Own.Length > 0))
        {
            if (_entries.TryGetValue(entry.Title, out CmdletPage.Entry? shared) && shared.Text.Count > 0 && entry.Own.Contains(Join(shared.Text), StringComparison.Ordinal))
                problems.Add(page.File, entry.Line, $"'{entry.Title}' repeats the text of {Page}. Include that instead.");
            else if (!seen.TryAdd(entry.Own, page.File) && seen[entry.Own] != page.File)
                problems.Add(page.File, entry.Line, $"'{entry.Title}' repeats a text of {Path.GetFileName(seen[entry.Own])}. Write it once, in {Page}.");
        }
    }

    // Markdig looks for descendants in containers only.
    private static IEnumerable<LinkInline> Links(Block block) =>
        block is LeafBlock leaf ? leaf.Inline?.Descendants<LinkInline>() ?? [] : block.Descendants<LinkInline>();

    private static string Join(IEnumerable<Paragraph> text) => string.Join('\n', text.Select(paragraph => paragraph.Mark + paragraph.Text));
}
