namespace StableDiffusion;

/// <summary>The messages of the system and of libraries as parts of ours.</summary>
internal static class Sentence
{
    /// <summary>The message of an error, with a full stop: those of Unix have none.</summary>
    /// <param name="error">The error.</param>
    public static string Of(Exception error) => Of(error.Message);

    /// <summary>A message with a full stop.</summary>
    /// <param name="message">The message.</param>
    public static string Of(string message) => message.TrimEnd() is [.., '.' or '!' or '?'] ended ? ended : $"{message.TrimEnd()}.";
}
