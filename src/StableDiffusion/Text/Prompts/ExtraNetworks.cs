using System.Text.RegularExpressions;

namespace StableDiffusion.Text.Prompts;

/// <summary>The tags in A1111's prompts that ask for more than the prompt, such as <c>&lt;lora:style:0.8&gt;</c>.</summary>
internal static partial class ExtraNetworks
{
    /// <summary>Takes the tags off a prompt, as A1111 does before it reads the rest.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="removed">Receives the tags.</param>
    /// <returns>The rest.</returns>
    public static string Remove(string prompt, out IReadOnlyList<string> removed)
    {
        List<string> tags = [];
        string rest = Tag().Replace(prompt, match =>
        {
            tags.Add(match.Value);
            return string.Empty;
        });
        removed = tags;
        return rest;
    }

    [GeneratedRegex(@"<(\w+):([^>]+)>", RegexOptions.CultureInvariant)]
    private static partial Regex Tag();
}
