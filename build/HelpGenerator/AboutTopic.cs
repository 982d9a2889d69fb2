using System.Text;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace HelpGenerator;

/// <summary>A page about_*.md as the text file that Get-Help shows.</summary>
internal sealed class AboutTopic
{
    private const int Width = 80;
    private const int Margin = 4;

    // Code is moved in further than prose, which would look the same otherwise.
    private const int CodeMargin = 4;

    public required string Name { get; init; }

    public required string Text { get; init; }

    public required string File { get; init; }

    public required MarkdownDocument Document { get; init; }

    /// <summary>Reads a page: its title is the file's name, and its first section is a short description of one paragraph.</summary>
    public static AboutTopic Read(string file, ColumnLists columns, Problems problems)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        MarkdownDocument document = MarkdownText.Parse(file);
        HeadingBlock[] headings = [.. document.OfType<HeadingBlock>()];
        if (headings is not [{ Level: 1 } title, ..] || MarkdownText.Plain(title.Inline) != name)
            problems.Add(file, 0, $"The title must be '# {name}'.");
        if (headings is not [_, { Level: 2 } summary, ..] || !MarkdownText.Plain(summary.Inline).Equals("Short description", StringComparison.OrdinalIgnoreCase))
            problems.Add(file, headings.FirstOrDefault()?.Line ?? 0, "The first section must be '## Short description'.");

        // Get-Help takes the fifth line for the summary of the topic.
        StringBuilder text = new();
        text.Append($"TOPIC\n{new string(' ', Margin)}{name}\n");
        bool afterText = false;
        foreach (Block block in document)
        {
            if (block is HeadingBlock heading)
            {
                AppendHeading(text, heading);
                afterText = false;
                continue;
            }

            string[] lines = [.. Paragraphs(block, file, columns, problems).SelectMany(paragraph => Lines(paragraph, block is CodeBlock ? CodeMargin : 0))];
            if (afterText && lines.Length > 0)
                text.Append('\n');
            foreach (string line in lines)
            {
                text.Append(line).Append('\n');
                if (line.Length > Width)
                    problems.Add(file, block.Line, $"This line has {line.Length} columns in the help, where a terminal has {Width}: '{line.Trim()}'.");
                afterText = true;
            }
        }

        return new AboutTopic { Name = name, Text = text.ToString(), File = file, Document = document };
    }

    /// <summary>Compares the first columns of the topic's tables with the cmdlets: each must be named once, and no other.</summary>
    public void CheckCmdlets(IEnumerable<string> cmdlets, Problems problems)
    {
        List<string> missing = [.. cmdlets];
        foreach (TableRow row in Document.OfType<Table>().SelectMany(table => table.Cast<TableRow>()).Where(row => !row.IsHeader))
        {
            string name = string.Join(' ', MarkdownText.Paragraphs((TableCell)row[0]).Select(paragraph => paragraph.Text));
            if (!missing.Remove(name))
                problems.Add(File, row.Line, $"The table has '{name}', which is no cmdlet, or is there twice.");
        }

        foreach (string name in missing)
            problems.Add(File, 0, $"The table of cmdlets lacks {name}.");
    }

    private static IEnumerable<Paragraph> Paragraphs(Block block, string file, ColumnLists columns, Problems problems)
    {
        if (block is not HtmlBlock html)
            return MarkdownText.Paragraphs([block]);
        return columns.Find(html.Lines.ToString().Trim(), problem => problems.Add(file, html.Line, problem));
    }

    private static void AppendHeading(StringBuilder text, HeadingBlock heading)
    {
        string title = MarkdownText.Plain(heading.Inline);
        if (heading.Level == 2)
            text.Append('\n').Append(title.ToUpperInvariant()).Append('\n');
        else if (heading.Level > 2)
            text.Append('\n').Append(' ', Margin / 2).Append(title).Append('\n');
    }

    private static IEnumerable<string> Lines(Paragraph paragraph, int margin)
    {
        int indent = Margin + margin + (paragraph.Depth * Paragraph.Step);
        int hanging = indent + paragraph.Mark.Length;
        IEnumerable<string> lines = paragraph.Preformatted ? paragraph.Text.Split('\n') : Wrap(paragraph.Text, Width - hanging);
        bool first = true;
        foreach (string line in lines)
        {
            string start = first ? new string(' ', indent) + paragraph.Mark : new string(' ', hanging);
            yield return (start + line).TrimEnd();
            first = false;
        }
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        StringBuilder line = new();
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }

            if (line.Length > 0)
                line.Append(' ');
            line.Append(word);
        }

        yield return line.ToString();
    }
}
