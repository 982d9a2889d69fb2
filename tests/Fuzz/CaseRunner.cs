using System.Text;

namespace StableDiffusion.Fuzz;

/// <summary>Gives a case to a reader and judges what it does.</summary>
internal static class CaseRunner
{
    /// <summary>The number of bytes that a case may allocate.</summary>
    public const long MaxMemory = 1L << 30;

    /// <summary>The number of characters that a text for the user may have.</summary>
    public const int MaxMessage = 2000;

    /// <summary>Runs a case.</summary>
    /// <param name="target">The reader.</param>
    /// <param name="data">The case.</param>
    /// <returns>The result; a hang or a crash is seen from outside.</returns>
    public static CaseResult Run(FuzzTarget target, byte[] data)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        CaseResult result = Read(target, data);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated > MaxMemory && !result.IsFault
            ? new CaseResult(CaseKind.Memory, $"{allocated >> 20} MB were allocated for a case of {data.Length} bytes.", nameof(CaseKind.Memory))
            : result;
    }

    private static CaseResult Read(FuzzTarget target, byte[] data)
    {
        try
        {
            return target.Run(data).Select(Judge).FirstOrDefault(static fault => fault is not null) ?? new CaseResult(CaseKind.Accepted);
        }
        catch (DiffusionException error)
        {
            return Judge(error.Message) ?? new CaseResult(CaseKind.Refused, $"{error.GetType().Name}: {error.Message}", error.GetType().Name);
        }
        catch (OperationCanceledException)
        {
            return new CaseResult(CaseKind.Refused);
        }
        catch (Exception error)
        {
            return new CaseResult(CaseKind.Untyped, error.ToString(), $"{error.GetType().Name} in {Site(error)}");
        }
    }

    private static CaseResult? Judge(string text)
    {
        string? fault = text.Length > MaxMessage ? $"more than {MaxMessage} characters"
            : text.Any(char.IsControl) ? "control characters"
            : text.EnumerateRunes().Any(static rune => rune == Rune.ReplacementChar) && HasHalfCharacter(text) ? "half a character"
            : null;
        return fault is null ? null : new CaseResult(CaseKind.Message, $"A text has {fault}: {text}", $"{fault} in {Words(text)}");
    }

    // The same sentence about another name is the same fault.
    private static string Words(string text)
    {
        int first = text.IndexOf('\'');
        int last = text.LastIndexOf('\'');
        string sentence = first < last ? text[..first] + text[last..] : text;
        return new string([.. sentence.Where(static letter => char.IsAsciiLetter(letter) || letter == ' ').Take(60)]);
    }

    private static bool HasHalfCharacter(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                return true;
        }

        return false;
    }

    // The innermost method of the engine on the stack.
    private static string Site(Exception error)
    {
        string? frame = error.StackTrace?.Split('\n').FirstOrDefault(static line => line.Contains(" StableDiffusion.", StringComparison.Ordinal) && !line.Contains(" StableDiffusion.Fuzz.", StringComparison.Ordinal));
        if (frame is null)
            return "?";

        int start = frame.IndexOf("StableDiffusion.", StringComparison.Ordinal);
        int end = frame.IndexOf('(', start);
        return end < 0 ? frame.Trim() : frame[start..end];
    }
}
