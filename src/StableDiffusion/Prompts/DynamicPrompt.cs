namespace StableDiffusion.Prompts;

/// <summary>A1111's prompts whose text changes between steps, or that consist of several joined by <c>AND</c>.</summary>
internal static class DynamicPrompt
{
    /// <summary>The number of steps to resolve a prompt with if that of the run is not known yet.</summary>
    public const int NominalSteps = 20;

    /// <summary>Whether a prompt must be resolved for a run.</summary>
    public static bool IsDynamic(string prompt)
    {
        IReadOnlyList<CompositePart> parts = CompositePrompt.Parse(prompt);
        return parts.Count > 1 || parts[0].Weight != 1 || parts[0].Text != prompt || ScheduleTree.Parse(prompt, null).HasChoices;
    }

    /// <summary>Whether such a prompt has the same single text at all steps after all, as one that merely ends with a space.</summary>
    public static bool HasOneText(string prompt) => CompositePrompt.Parse(prompt) is [{ Weight: 1 } part] && !ScheduleTree.Parse(part.Text, null).HasChoices;

    /// <summary>The text at the first step.</summary>
    public static string FirstText(string prompt) =>
        PromptSchedule.Parse(CompositePrompt.Parse(prompt)[0].Text, NominalSteps)[0].Text;
}
