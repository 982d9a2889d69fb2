using System.Security.Cryptography;
using System.Text;

namespace StableDiffusion.Hub;

/// <summary>
/// An incomplete file with the hashes of its contents. When a file of an earlier download is opened, it is read once; after
/// that, the hashes are updated with what is written.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const int BufferLength = 1 << 20;

    private readonly string _path;
    private readonly HubFile _file;
    private readonly FileStream _stream;
    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _blob;

    private PartFile(string path, HubFile file, FileStream stream)
    {
        _path = path;
        _file = file;
        _stream = stream;
        if (file.BlobId is not null)
            _blob = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        BeginHashes();
    }

    /// <summary>The number of bytes in the file.</summary>
    public long Length { get; private set; }

    /// <summary>Opens a file, and reads what an earlier download left of it.</summary>
    /// <param name="path">The full path; the file and its folder need not exist.</param>
    /// <param name="file">The description of the complete file.</param>
    /// <param name="read">Receives the number of bytes found.</param>
    /// <param name="cancellationToken">Cancels the reading.</param>
    /// <exception cref="OutputWriteException">The file cannot be opened.</exception>
    public static PartFile Open(string path, HubFile file, Action<long> read, CancellationToken cancellationToken)
    {
        PartFile? part = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            part = new PartFile(path, file, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0));
            part.ReadExisting(read, cancellationToken);
            return part;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            part?.Dispose();
            throw CannotWrite(path, error);
        }
        catch
        {
            part?.Dispose();
            throw;
        }
    }

    /// <summary>Appends bytes.</summary>
    /// <exception cref="OutputWriteException">They cannot be written.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_path, error);
        }

        AppendHashes(bytes);
        Length += bytes.Length;
    }

    /// <summary>Empties the file.</summary>
    /// <exception cref="OutputWriteException">The file cannot be emptied.</exception>
    public void Restart()
    {
        try
        {
            _stream.SetLength(0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(_path, error);
        }

        _sha256.GetHashAndReset();
        _blob?.GetHashAndReset();
        BeginHashes();
        Length = 0;
    }

    /// <summary>Whether the file is complete and is the one that the hub describes.</summary>
    /// <param name="sha256">The SHA-256 of its contents.</param>
    public bool Matches(out string sha256)
    {
        sha256 = Convert.ToHexStringLower(_sha256.GetCurrentHash());
        return Length == _file.Length
            && (_file.Sha256 is null || _file.Sha256 == sha256)
            && (_blob is null || _file.BlobId == Convert.ToHexStringLower(_blob.GetCurrentHash()));
    }

    /// <summary>Closes the file and moves it.</summary>
    /// <param name="path">The full path of the target; an existing file is replaced.</param>
    /// <exception cref="OutputWriteException">It cannot be moved there.</exception>
    public void MoveTo(string path)
    {
        try
        {
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(_path, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, error);
        }
    }

    public void Delete()
    {
        _stream.Dispose();
        try
        {
            File.Delete(_path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It is checked again before it is resumed.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _sha256.Dispose();
        _blob?.Dispose();
    }

    private void ReadExisting(Action<long> read, CancellationToken cancellationToken)
    {
        // Bytes beyond the length of the complete file do not belong to it.
        if (_stream.Length > _file.Length)
            _stream.SetLength(0);

        byte[] buffer = new byte[(int)Math.Clamp(_stream.Length, 1, BufferLength)];
        for (int count = _stream.Read(buffer); count > 0; count = _stream.Read(buffer))
        {
            cancellationToken.ThrowIfCancellationRequested();
            AppendHashes(buffer.AsSpan(0, count));
            Length += count;
            read(count);
        }
    }

    private void BeginHashes() => _blob?.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {_file.Length}\0")));

    private void AppendHashes(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        _blob?.AppendData(bytes);
    }

    private static OutputWriteException CannotWrite(string path, Exception error) =>
        new($"The file '{path}' cannot be written: {Sentence.Of(error)} Make sure that the folder is writable and that there is room on the disk.", error);
}
