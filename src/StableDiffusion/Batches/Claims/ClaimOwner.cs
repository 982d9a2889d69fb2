using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using StableDiffusion.Storage;

namespace StableDiffusion.Batches.Claims;

/// <summary>Who makes an image, as a claim says it: one line of JSON.</summary>
/// <param name="Id">A name that no other claim has.</param>
/// <param name="Host">The computer.</param>
/// <param name="Process">The id of the process.</param>
/// <param name="Start">When the process was started, in the units of <see cref="RunningProcess.StartOf"/>.</param>
/// <param name="Taken">When the image was claimed, by the clock of that computer.</param>
internal sealed record ClaimOwner(string Id, string Host, int Process, string Start, DateTimeOffset Taken)
{
    /// <summary>The longest claim that is read, in bytes.</summary>
    public const int Longest = 4096;

    private const int LongestText = 300;

    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web)
    {
        AllowDuplicateProperties = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Where the id of the process counts, as <see cref="RunningProcess.Space"/>; null if unknown.</summary>
    public string? Space { get; init; }

    /// <summary>The job of a scheduler that the process belongs to; null for none.</summary>
    public string? Job { get; init; }

    /// <summary>This process, for a new claim.</summary>
    public static ClaimOwner New() => new(Guid.NewGuid().ToString("N"), Environment.MachineName, Environment.ProcessId, RunningProcess.StartOf(Environment.ProcessId) ?? string.Empty, DateTimeOffset.Now)
    {
        Space = RunningProcess.Space,
        Job = ArrayTask.JobOf(Environment.GetEnvironmentVariable),
    };

    /// <summary>Whether the process is one of this computer that has ended.</summary>
    [JsonIgnore]
    public bool HasEnded => Host == Environment.MachineName && Space == RunningProcess.Space && Process > 0 && RunningProcess.HasEnded(Process, Start);

    /// <summary>Reads a claim.</summary>
    /// <param name="content">The content of its file.</param>
    /// <returns>The owner; null if it is damaged.</returns>
    public static ClaimOwner? Read(ReadOnlySpan<byte> content)
    {
        try
        {
            return content.Length <= Longest && JsonSerializer.Deserialize<ClaimOwner>(content, s_options) is ClaimOwner owner && Array.TrueForAll([owner.Id, owner.Host, owner.Start, owner.Space, owner.Job], static text => text is not { Length: > LongestText })
                ? owner
                : null;
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The content of the claim's file.</summary>
    public byte[] Write() => [.. JsonSerializer.SerializeToUtf8Bytes(this, s_options), (byte)'\n'];

    /// <summary>The owner in words.</summary>
    /// <returns>The process, the computer and the job, in one printable line.</returns>
    public override string ToString() => PrintableText.Of(string.Create(CultureInfo.InvariantCulture, $"process {Process} on {Host}{(Job is null ? string.Empty : $" ({Job})")}"));
}
