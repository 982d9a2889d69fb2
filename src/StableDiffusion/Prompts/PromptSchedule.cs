namespace StableDiffusion.Prompts;

/// <summary>
/// Resolves A1111's scheduled prompts: <c>[from:to:when]</c>, <c>[to:when]</c>, <c>[from::when]</c> and the alternation
/// <c>[a|b|c]</c>, one choice a step.
/// </summary>
/// <remarks>
/// After <c>get_learned_conditioning_prompt_schedules</c> of A1111 1.10 (first pass). A <c>when</c> with a decimal point
/// is a fraction of the steps, without one the last step of <c>from</c>. Brackets that make no schedule stay in the text,
/// where they may be emphasis. A <c>|</c> outside an alternation, or a backslash at the end of the prompt or a line,
/// makes text of the whole prompt. Where A1111's grammar is ambiguous (a schedule within brackets that do not match up,
/// so that its answer can change from one start of the program to the next), every schedule that is well formed counts.
/// </remarks>
public static class PromptSchedule
{
    /// <summary>Reads the texts of a prompt over the steps of a run.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="steps">How many steps the run has, at least 1.</param>
    /// <param name="diagnostics">Takes what is read otherwise than it was probably meant, the first hundred; may be null.</param>
    /// <returns>
    /// The texts by <see cref="ScheduledText.UntilStep"/>, at least one; the last is in force up to
    /// <paramref name="steps"/>. Neighbours may be equal.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The run has no steps.</exception>
    public static IReadOnlyList<ScheduledText> Parse(
        string text, int steps, ICollection<PromptDiagnostic>? diagnostics = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);

        ScheduleTree tree = ScheduleTree.Parse(text, diagnostics);
        if (!tree.HasChoices)
        {
            return [new ScheduledText(steps, text, null)];
        }

        List<ScheduledText> result = [];
        foreach (int step in tree.Changes(steps))
        {
            (string atStep, SourceMap map) = tree.TextAt(step, steps);
            result.Add(new ScheduledText(step, atStep, map));
        }

        return result;
    }
}
