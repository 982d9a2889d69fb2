using System.Globalization;

namespace StableDiffusion.Batches.Claims;

/// <summary>One of several parts of all rows, which are dealt by their hash: the same row is in the same part, wherever it is in its table.</summary>
/// <param name="Index">The index of the part, from 0.</param>
/// <param name="Count">The number of parts.</param>
internal readonly record struct Shard(int Index, int Count)
{
    /// <summary>The word for the part that the variables of an array job say.</summary>
    public const string Auto = "Auto";

    /// <summary>How much of a value a message shows.</summary>
    internal const int LongestShown = 100;

    private const int MostParts = 1_000_000;

    /// <summary>Reads a part, such as 3/16 for the third of sixteen.</summary>
    /// <param name="text">The part, or <see cref="Auto"/>.</param>
    /// <param name="variable">Gives the value of an environment variable; null if it is not set.</param>
    /// <exception cref="InvalidSettingException">It is none.</exception>
    public static Shard Read(string text, Func<string, string?> variable)
    {
        if (text.Trim().Equals(Auto, StringComparison.OrdinalIgnoreCase))
            return OfArray(ArrayTask.Find(variable) ?? throw Refuse("Shard is Auto, and there is no variable of an array job of Slurm, PBS or Kubernetes. Give a part such as 3/16"));
        return text.Split('/') is [string index, string count] && Number(index) is int part and > 0 && Number(count) is int parts and > 0 and <= MostParts && part <= parts
            ? new Shard(part - 1, parts)
            : throw Refuse($"'{PrintableText.Of(text, LongestShown)}' is not a part of the rows. Give one such as 3/16, the third of sixteen, or {Auto}");

        static int? Number(string text) => int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
    }

    /// <summary>Whether a row is in this part.</summary>
    /// <param name="row">The hash of the row.</param>
    public bool Contains(RequestHash row) => row.Part(Count) == Index;

    /// <summary>The part in words.</summary>
    /// <returns>Such as 3/16.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Index + 1}/{Count}");

    /// <summary>The error for a part.</summary>
    /// <param name="reason">What is wrong and what to do, without a period.</param>
    internal static InvalidSettingException Refuse(string reason) => new(nameof(Shard), $"{char.ToUpperInvariant(reason[0])}{reason[1..]}.");

    // Tasks that follow each other are different parts, whatever the first of them is called.
    private static Shard OfArray(ArrayTask task) => task.Count switch
    {
        null => throw Refuse($"{task.Scheduler} does not say how many tasks its array has. Set the variable {ArrayTask.CountVariable} to their number, or give a part such as 3/16"),
        < 1 or > MostParts => throw Refuse($"the array of {task.Scheduler} has {task.Count} tasks, and there can be 1 to {MostParts}"),
        long count => new Shard((int)(task.Index % count), (int)count),
    };
}
