namespace StableDiffusion.Prompts;

/// <summary>Prompts of A1111 whose text changes from step to step, or that are several joined by <c>AND</c>.</summary>
internal static class DynamicPrompt
{
    /// <summary>The number of steps to look at a prompt with where the run's is not known yet.</summary>
    public const int NominalSteps = 20;

    /// <summary>Whether a prompt needs to be resolved for a run.</summary>
    public static bool IsDynamic(string prompt)
    {
        IReadOnlyList<CompositePart> parts = CompositePrompt.Parse(prompt);
        return parts.Count > 1 || parts[0].Weight != 1 || parts[0].Text != prompt || ScheduleTree.Parse(prompt, null).HasChoices;
    }

    /// <summary>The text that is in force first.</summary>
    public static string FirstText(string prompt) =>
        PromptSchedule.Parse(CompositePrompt.Parse(prompt)[0].Text, NominalSteps)[0].Text;
}
