using Markdig.Syntax;

namespace HelpGenerator;

/// <summary>A heading and what stands below it, up to the next heading of its level.</summary>
/// <param name="Title">The heading's words.</param>
/// <param name="Line">The heading's line, from 0.</param>
/// <param name="Blocks">What stands below it, lower headings included.</param>
internal sealed record Section(string Title, int Line, IReadOnlyList<Block> Blocks)
{
    /// <summary>Cuts blocks at the headings of a level. What stands before the first one is a section without a title.</summary>
    public static IEnumerable<Section> Split(IEnumerable<Block> blocks, int level)
    {
        string title = string.Empty;
        int line = 0;
        List<Block> content = [];
        foreach (Block block in blocks)
        {
            if (block is not HeadingBlock heading || heading.Level != level)
            {
                content.Add(block);
                continue;
            }

            if (title.Length > 0 || content.Count > 0)
                yield return new Section(title, line, content);

            title = MarkdownText.Plain(heading.Inline);
            line = heading.Line;
            content = [];
        }

        if (title.Length > 0 || content.Count > 0)
            yield return new Section(title, line, content);
    }
}
