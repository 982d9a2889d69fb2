namespace StableDiffusion.Prompts;

/// <summary>
/// Resolves A1111's scheduled prompts: <c>[from:to:when]</c>, <c>[to:when]</c>, <c>[from::when]</c> and the alternation
/// <c>[a|b|c]</c>, with one choice per step.
/// </summary>
/// <remarks>
/// After <c>get_learned_conditioning_prompt_schedules</c> of A1111 1.10 (first pass). A <c>when</c> with a decimal point is a
/// fraction of the steps; without one, it is the last step of <c>from</c>. Brackets that are not a schedule stay in the text,
/// where they may be emphasis. A <c>|</c> outside an alternation, or a backslash at the end of the prompt or of a line, makes
/// the whole prompt text. Where A1111's grammar is ambiguous (a schedule within unbalanced brackets, for which its result can
/// change each time the program is started), every well-formed schedule counts.
/// </remarks>
internal static class PromptSchedule
{
    /// <summary>Resolves a prompt for the steps of a run.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="steps">The number of steps of the run, at least 1.</param>
    /// <param name="diagnostics">Receives up to a hundred findings about syntax that is probably not meant as it is read; may be null.</param>
    /// <param name="judge">Gets the number of characters of each text, before the next one is made, and may throw; may be null.</param>
    /// <returns>
    /// The texts by <see cref="ScheduledText.UntilStep"/>, at least one; the last is in force until <paramref name="steps"/>.
    /// Neighbors may be equal.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The run has no steps.</exception>
    public static IReadOnlyList<ScheduledText> Parse(
        string text, int steps, ICollection<PromptDiagnostic>? diagnostics = null, Action<int>? judge = null)
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
            judge?.Invoke(atStep.Length);
        }

        return result;
    }
}
