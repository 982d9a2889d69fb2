using System.Globalization;
using System.Text;
using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace HelpGenerator;

/// <summary>Markdown as the plain text that a terminal shows.</summary>
internal static class MarkdownText
{
    private static readonly MarkdownPipeline s_pipeline = new MarkdownPipelineBuilder().UseYamlFrontMatter().UsePipeTables().Build();

    public static MarkdownDocument Parse(string file) => Markdown.Parse(File.ReadAllText(file), s_pipeline);

    /// <summary>The paragraphs, lists, tables and code of a run of blocks.</summary>
    public static IEnumerable<Paragraph> Paragraphs(IEnumerable<Block> blocks, int depth = 0)
    {
        foreach (Block block in blocks)
        {
            switch (block)
            {
                case ParagraphBlock paragraph:
                    yield return new Paragraph(Plain(paragraph.Inline), Depth: depth);
                    break;

                case CodeBlock code:
                    yield return new Paragraph(Code(code), Preformatted: true, depth);
                    break;

                case Table table:
                    yield return new Paragraph(Align(table), Preformatted: true, depth);
                    break;

                case ListBlock list:
                    foreach (Paragraph item in Items(list, depth))
                        yield return item;
                    break;

                case QuoteBlock quote:
                    foreach (Paragraph quoted in Paragraphs(quote, depth))
                        yield return quoted;
                    break;
            }
        }
    }

    /// <summary>The lines of a block of code.</summary>
    public static string Code(CodeBlock code) => string.Join('\n', code.Lines.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'));

    /// <summary>A heading or paragraph without its markup: emphasis and code lose their marks, a link keeps its words and, if it leads out, its address.</summary>
    public static string Plain(ContainerInline? inlines)
    {
        StringBuilder text = new();
        Append(text, inlines);
        return text.ToString().Trim();
    }

    private static void Append(StringBuilder text, ContainerInline? inlines)
    {
        foreach (Inline inline in inlines ?? Enumerable.Empty<Inline>())
        {
            switch (inline)
            {
                case LiteralInline literal:
                    text.Append(literal.Content.AsSpan());
                    break;

                case CodeInline code:
                    text.Append(code.Content);
                    break;

                case LineBreakInline:
                    text.Append(' ');
                    break;

                case AutolinkInline link:
                    text.Append(link.Url);
                    break;

                case HtmlEntityInline entity:
                    text.Append(entity.Transcoded.AsSpan());
                    break;

                case LinkInline link:
                    Append(text, link);
                    if (IsAddress(link.Url))
                        text.Append(CultureInfo.InvariantCulture, $" ({link.Url})");
                    break;

                case ContainerInline container:
                    Append(text, container);
                    break;
            }
        }
    }

    public static bool IsAddress(string? url) => Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme.StartsWith("http", StringComparison.Ordinal);

    private static IEnumerable<Paragraph> Items(ListBlock list, int depth)
    {
        int number = int.TryParse(list.OrderedStart, NumberStyles.None, CultureInfo.InvariantCulture, out int start) ? start : 1;
        foreach (ListItemBlock item in list.Cast<ListItemBlock>())
        {
            string mark = list.IsOrdered ? string.Create(CultureInfo.InvariantCulture, $"{number++}. ") : "- ";
            bool first = true;
            foreach (Paragraph paragraph in Paragraphs(item, depth + 1))
            {
                yield return first ? paragraph with { Mark = mark, Depth = depth } : paragraph;
                first = false;
            }
        }
    }

    private static string Align(Table table)
    {
        string[][] rows =
        [
            .. table.Cast<TableRow>().Select(row => row.Cast<TableCell>()
                .Select(cell => string.Join(' ', Paragraphs(cell).Select(paragraph => paragraph.Text))).ToArray()),
        ];
        int[] widths = [.. Enumerable.Range(0, rows.Max(row => row.Length)).Select(column => rows.Max(row => row.Length > column ? row[column].Length : 0))];

        List<string> lines = [.. rows.Select(row => string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd())];
        lines.Insert(1, string.Join("  ", widths.Select(width => new string('-', width))));
        return string.Join('\n', lines);
    }
}
