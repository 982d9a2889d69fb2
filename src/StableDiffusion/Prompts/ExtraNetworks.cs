using System.Text.RegularExpressions;

namespace StableDiffusion.Prompts;

/// <summary>The tags in A1111 prompts that name files, such as <c>&lt;lora:style:0.8&gt;</c>.</summary>
internal static partial class ExtraNetworks
{
    /// <summary>Finds the tags in a prompt.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <returns>The tags in order.</returns>
    public static IReadOnlyList<ExtraNetwork> Find(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        Remove(prompt, out IReadOnlyList<ExtraNetwork> tags);
        return tags;
    }

    /// <summary>Removes the tags from a prompt, as A1111 does before it parses the rest.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="removed">Receives the tags.</param>
    /// <returns>The rest of the prompt.</returns>
    internal static string Remove(string prompt, out IReadOnlyList<ExtraNetwork> removed)
    {
        // Behind the last > there is no tag. Without this limit, each < would be followed to the end of the prompt.
        int end = prompt.LastIndexOf('>') + 1;
        List<ExtraNetwork> tags = [];
        string rest = Tag().Replace(prompt[..end], match =>
        {
            string[] parts = match.Groups[2].Value.Split(':');
            tags.Add(new ExtraNetwork(match.Value, match.Groups[1].Value, parts[0], parts[1..]));
            return string.Empty;
        });
        removed = tags;
        return rest + prompt[end..];
    }

    [GeneratedRegex(@"<(\w+):([^>]+)>", RegexOptions.CultureInvariant)]
    private static partial Regex Tag();
}
