namespace StableDiffusion.Prompts;

/// <summary>
/// Splits a prompt at <c>AND</c> into prompts that are denoised separately and summed with weights
/// (Liu et al. 2022, https://arxiv.org/abs/2206.01714).
/// </summary>
/// <remarks>
/// After <c>get_multicond_prompt_list</c> of A1111 1.10, which applies it to positive prompts only, before schedules and
/// emphasis and regardless of brackets. A number after the last colon is the weight of a part even if it is the only part.
/// </remarks>
internal static class CompositePrompt
{
    private const string AndKeyword = "AND";

    /// <summary>Splits a prompt into its parts.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="diagnostics">Receives up to a hundred findings about syntax that is probably not meant as it is read; may be null.</param>
    /// <returns>The parts in order, at least one.</returns>
    public static IReadOnlyList<CompositePart> Parse(string text, ICollection<PromptDiagnostic>? diagnostics = null)
    {
        ArgumentNullException.ThrowIfNull(text);

        DiagnosticSink sink = new(diagnostics);
        List<CompositePart> parts = [];
        int start = 0;
        int searched = 0;
        while (text.IndexOf(AndKeyword, searched, StringComparison.Ordinal) is >= 0 and int keyword)
        {
            searched = keyword + AndKeyword.Length;
            if (PromptCharacters.IsKeywordAt(text, keyword, AndKeyword))
            {
                parts.Add(ReadPart(text, start, keyword));
                start = searched;
            }
        }

        parts.Add(ReadPart(text, start, text.Length));
        Report(text, parts, ref sink);
        return parts;
    }

    private static CompositePart ReadPart(string text, int start, int end)
    {
        ReadOnlySpan<char> part = text.AsSpan(start, end - start);
        int length = PromptCharacters.TrimmedLength(part);
        double weight = 1.0;
        int colon = part.LastIndexOf(':');
        if (colon >= 0 && IsWeight(part[(colon + 1)..length]) && PromptNumber.TryParse(part[(colon + 1)..length], out double given))
        {
            weight = given;
            length = PromptCharacters.TrimmedLength(part[..colon]);
        }

        return new CompositePart(part[..length].ToString(), weight, start);
    }

    /// <summary>Whether a text consists of white space, a sign and digits with at most one point, and at least one digit.</summary>
    private static bool IsWeight(ReadOnlySpan<char> text)
    {
        int index = PromptCharacters.SkipSpace(text, 0);
        if (index < text.Length && text[index] is '+' or '-')
        {
            index++;
        }

        int digits = 0;
        int points = 0;
        while (index < text.Length)
        {
            if (text[index] == '.')
            {
                points++;
                index++;
            }
            else if (PromptCharacters.TryGetDigit(text, index, out _, out int length))
            {
                digits++;
                index += length;
            }
            else
            {
                return false;
            }
        }

        return digits > 0 && points <= 1;
    }

    private static void Report(string text, List<CompositePart> parts, ref DiagnosticSink sink)
    {
        if (parts.Count == 1)
        {
            int end = parts[0].Text.Length;
            int colon = PromptCharacters.SkipSpace(text, end);
            if (colon < text.Length)
            {
                sink.Add(colon, "The number after this last colon is read as the weight of the whole prompt, not as part of its text. Write a comma after it if it is text, or join a second prompt with AND.");
            }

            return;
        }

        foreach (CompositePart part in parts)
        {
            if (string.IsNullOrWhiteSpace(part.Text))
            {
                sink.Add(part.Start, "There is no prompt on this side of AND, so an empty one is added. Write one, or remove the AND.");
            }
        }
    }
}
