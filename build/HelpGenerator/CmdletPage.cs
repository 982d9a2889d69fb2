using System.Globalization;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace HelpGenerator;

/// <summary>What a person wrote about a cmdlet.</summary>
internal sealed class CmdletPage
{
    private bool _includesOthers;

    public required string File { get; init; }

    public string Synopsis { get; private set; } = string.Empty;

    public IReadOnlyList<Paragraph> Description { get; private set; } = [];

    public IReadOnlyList<Example> Examples { get; private set; } = [];

    public IReadOnlyList<Entry> Parameters { get; private set; } = [];

    public IReadOnlyList<Entry> Inputs { get; private set; } = [];

    public IReadOnlyList<Entry> Outputs { get; private set; } = [];

    public IReadOnlyList<Paragraph> Notes { get; private set; } = [];

    public IReadOnlyList<Link> Links { get; private set; } = [];

    /// <summary>Reads a page.</summary>
    /// <param name="file">Its path; the file's name is the cmdlet's.</param>
    /// <param name="shared">The texts that it may include.</param>
    /// <param name="problems">Receives what is wrong with its form.</param>
    public static CmdletPage Read(string file, SharedTexts shared, Problems problems)
    {
        CmdletPage page = new() { File = file };
        Section[] sections = [.. Section.Split(MarkdownText.Parse(file).Where(block => block is not Markdig.Extensions.Yaml.YamlFrontMatterBlock), level: 1)];
        string name = Path.GetFileNameWithoutExtension(file);
        if (sections is not [{ Title: var title } only] || title != name)
            problems.Add(file, 0, $"The page must have one title, '# {name}', and nothing before it.");
        else
            page.Read(only, shared, problems);

        return page;
    }

    /// <summary>Adds the shared texts of the parameters that the page does not describe, if it links to all of them.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="shared">The shared texts.</param>
    public void Complete(CmdletSurface cmdlet, SharedTexts shared)
    {
        if (_includesOthers)
            Parameters = [.. Parameters, .. cmdlet.Parameters.Select(parameter => "-" + parameter.Name).Except(Parameters.Select(entry => entry.Title)).Select(shared.Find).OfType<Entry>()];
    }

    /// <summary>Compares the page with the cmdlet: nothing may be missing, nothing may be made up.</summary>
    public void Check(CmdletSurface cmdlet, Problems problems)
    {
        if (Synopsis.Length == 0)
            problems.Add(File, 0, "The section SYNOPSIS is missing or empty.");
        if (Description.Count == 0)
            problems.Add(File, 0, "The section DESCRIPTION is missing or empty.");
        if (Examples.Count == 0)
            problems.Add(File, 0, "The section EXAMPLES is missing or empty.");

        Compare(
            "PARAMETERS",
            Parameters,
            cmdlet.Parameters.Where(parameter => !parameter.IsShouldProcess).Select(parameter => "-" + parameter.Name),
            problems);
        Compare("INPUTS", Inputs, cmdlet.Inputs.DefaultIfEmpty("None"), problems);
        Compare("OUTPUTS", Outputs, cmdlet.Outputs.DefaultIfEmpty("None"), problems);
    }

    private void Compare(string section, IReadOnlyList<Entry> entries, IEnumerable<string> expected, Problems problems)
    {
        List<string> missing = [.. expected];
        foreach (Entry entry in entries)
        {
            if (!missing.Remove(entry.Title))
                problems.Add(File, entry.Line, $"{section} has '{entry.Title}', which the cmdlet has not, or not twice.");
            else if (entry.Text.Count == 0)
                problems.Add(File, entry.Line, $"'{entry.Title}' is not described.");
        }

        foreach (string title in missing)
            problems.Add(File, 0, $"{section} lacks '### {title}'.");
    }

    private void Read(Section page, SharedTexts shared, Problems problems)
    {
        foreach (Section section in Section.Split(page.Blocks, level: 2))
        {
            switch (section.Title)
            {
                case "SYNOPSIS":
                    Synopsis = string.Join(' ', MarkdownText.Paragraphs(section.Blocks).Select(paragraph => paragraph.Text));
                    break;

                case "DESCRIPTION":
                    Description = [.. MarkdownText.Paragraphs(section.Blocks)];
                    break;

                case "EXAMPLES":
                    Examples = [.. ReadExamples(section, problems)];
                    break;

                case "PARAMETERS":
                    Section[] entries = [.. Section.Split(section.Blocks, level: 3)];
                    _includesOthers = entries is [var first, ..] && SharedTexts.IsForOthers(first);
                    Parameters = [.. entries.Skip(_includesOthers ? 1 : 0).Select(entry => shared.Include(entry, File, problems))];
                    break;

                case "INPUTS":
                    Inputs = ReadEntries(section);
                    break;

                case "OUTPUTS":
                    Outputs = ReadEntries(section);
                    break;

                case "NOTES":
                    Notes = [.. MarkdownText.Paragraphs(section.Blocks)];
                    break;

                case "RELATED LINKS":
                    Links = [.. section.Blocks.SelectMany(block => block.Descendants<LinkInline>()).Select(Link.Read)];
                    break;

                default:
                    problems.Add(
                        File,
                        section.Line,
                        $"There is no section '{section.Title}'. A page has SYNOPSIS, DESCRIPTION, EXAMPLES, PARAMETERS, INPUTS, OUTPUTS, NOTES and RELATED LINKS; the syntax is taken from the cmdlet.");
                    break;
            }
        }
    }

    private IEnumerable<Example> ReadExamples(Section examples, Problems problems)
    {
        int number = 0;
        foreach (Section section in Section.Split(examples.Blocks, level: 3))
        {
            string label = string.Create(CultureInfo.InvariantCulture, $"Example {++number}: ");
            if (!section.Title.StartsWith(label, StringComparison.Ordinal))
                problems.Add(File, section.Line, $"The title of this example must begin with '{label}'.");
            if (section.Blocks is not [FencedCodeBlock { Info: "powershell" } code, ..])
                problems.Add(File, section.Line, "An example begins with its code, between ```powershell and ```.");
            else
                yield return new Example(section.Title, MarkdownText.Code(code), code.Line + 1, [.. MarkdownText.Paragraphs(section.Blocks.Skip(1))]);
        }
    }

    private static IReadOnlyList<Entry> ReadEntries(Section section) =>
    [
        .. Section.Split(section.Blocks, level: 3).Select(entry =>
            new Entry(entry.Title, entry.Line, [.. MarkdownText.Paragraphs(entry.Blocks)])),
    ];

    /// <summary>A parameter, or a type that goes in or comes out.</summary>
    /// <param name="Title">The heading.</param>
    /// <param name="Line">The heading's line, from 0.</param>
    /// <param name="Text">The description, with what it includes.</param>
    /// <param name="Own">What the page itself says of a parameter.</param>
    /// <param name="IsShared">Whether the page includes a shared text.</param>
    internal sealed record Entry(string Title, int Line, IReadOnlyList<Paragraph> Text, string Own = "", bool IsShared = false);

    /// <summary>An example; its line is that of the code's first.</summary>
    internal sealed record Example(string Title, string Code, int Line, IReadOnlyList<Paragraph> Remarks);

    /// <summary>A related topic: the name that Get-Help takes, or the words and the address of a page in the web.</summary>
    internal sealed record Link(string Text, string Address)
    {
        public static Link Read(LinkInline link) =>
            new(MarkdownText.Plain(link), MarkdownText.IsAddress(link.Url) ? link.Url! : string.Empty);
    }
}
