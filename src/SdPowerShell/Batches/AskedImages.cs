using System.Collections;
using System.Management.Automation;
using SdPowerShell.Records;
using StableDiffusion.Batches.Jobs;
using StableDiffusion.Batches.Tables;

namespace SdPowerShell.Batches;

/// <summary>How many images rows ask for, whether they can be made or not.</summary>
/// <param name="parameters">The parameters of New-DiffusionImage that all rows share.</param>
internal sealed class AskedImages(IDictionary parameters)
{
    /// <summary>The number for each row, if the parameters say one; null otherwise.</summary>
    public int? OfEach { get; } = parameters.Cast<DictionaryEntry>().Where(static entry => JobTable.Columns.Contains($"{entry.Key}", StringComparer.OrdinalIgnoreCase)).Select(static entry => Read(entry.Value)).FirstOrDefault(static count => count is not null);

    /// <summary>The images of a row.</summary>
    /// <param name="row">The row of a table, which may be one that cannot be read.</param>
    public int Of(TableRow row) => OfEach ?? JobTable.ImagesOf(row);

    /// <inheritdoc cref="Of(TableRow)"/>
    /// <param name="row">An object of the pipeline.</param>
    public int Of(InputRecord row) => OfEach ?? (row.HasSettings ? JobTable.ImagesOf(row.Text) : 1);

    private static int? Read(object? count) => LanguagePrimitives.TryConvertTo(count, out int number) && number > 0 ? number : null;
}
