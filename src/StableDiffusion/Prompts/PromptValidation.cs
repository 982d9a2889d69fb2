namespace StableDiffusion.Prompts;

/// <summary>Checks a whole prompt for questionable syntax; the parsers themselves accept every string.</summary>
internal static class PromptValidation
{
    /// <summary>Finds syntax in a prompt that is probably not meant as it is read.</summary>
    /// <param name="prompt">The prompt as written.</param>
    /// <param name="syntax">The syntax of the prompt.</param>
    /// <param name="steps">The number of steps of the run, at least 1: emphasis is checked in the text of each step.</param>
    /// <returns>The findings by column; empty if there are none.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The run has no steps.</exception>
    public static IReadOnlyList<PromptDiagnostic> Check(string prompt, PromptSyntax syntax, int steps)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);

        List<PromptDiagnostic> found = [];
        if (syntax != PromptSyntax.A1111)
        {
            _ = PromptAttention.Parse(prompt, syntax, found);
            return [.. found.OrderBy(diagnostic => diagnostic.Column)];
        }

        foreach (CompositePart part in CompositePrompt.Parse(prompt, found))
        {
            CheckPart(part, steps, found);
        }

        return [.. found.Distinct().OrderBy(diagnostic => diagnostic.Column)];
    }

    private static void CheckPart(CompositePart part, int steps, List<PromptDiagnostic> found)
    {
        List<PromptDiagnostic> inSchedule = [];
        IReadOnlyList<ScheduledText> schedule = PromptSchedule.Parse(part.Text, steps, inSchedule);
        found.AddRange(inSchedule.Select(diagnostic => diagnostic with { Column = part.Start + diagnostic.Column }));

        HashSet<string> seen = [];
        foreach (ScheduledText scheduled in schedule)
        {
            if (!seen.Add(scheduled.Text))
            {
                continue;
            }

            List<PromptDiagnostic> inText = [];
            _ = PromptAttention.Parse(scheduled.Text, PromptSyntax.A1111, inText);
            found.AddRange(inText.Select(diagnostic =>
                diagnostic with { Column = part.Start + scheduled.SourceIndex(diagnostic.Column - 1) + 1 }));
        }
    }
}
