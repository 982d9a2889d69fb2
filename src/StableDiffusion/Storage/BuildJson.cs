using System.Text.Json.Serialization;

namespace StableDiffusion.Storage;

/// <summary>The SHA-256 of a file, with its length and time when it was read.</summary>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Written">The time of its last write, in UTC.</param>
/// <param name="Hash">Its SHA-256 in hexadecimal digits.</param>
internal sealed record FileHash(long Length, DateTime Written, string Hash);

/// <summary>Serializes the cache's own files as JSON. Source-generated: reflection would take most of the time of a look-up after a cold start.</summary>
[JsonSerializable(typeof(Dictionary<string, FileHash>))]
[JsonSerializable(typeof(Dictionary<string, long>))]
internal sealed partial class BuildJson : JsonSerializerContext
{
    /// <summary>The greatest length in bytes of a file of these; a model has a few hundred files.</summary>
    public const int MaxLength = 16 << 20;
}
