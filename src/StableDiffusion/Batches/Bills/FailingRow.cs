namespace StableDiffusion.Batches.Bills;

/// <summary>A row whose images would not all be made.</summary>
/// <param name="Number">Its number among all rows, from 1.</param>
/// <param name="Line">The line of its table on which it begins, from 1; null if it is in none.</param>
/// <param name="ErrorId">The id of its first error.</param>
/// <param name="Message">The error, which begins with the file and the line, or with the number of the row.</param>
public sealed record FailingRow(int Number, int? Line, string ErrorId, string Message)
{
    /// <summary>The row in words.</summary>
    /// <returns>The error in one printable line.</returns>
    public override string ToString() => PrintableText.Of($"{ErrorId}: {Message}");
}
