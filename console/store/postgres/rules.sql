-- What the team's database enforces by itself, whoever connects and with whatever program. Run as the owner of the schema.

CREATE TABLE IF NOT EXISTS people (
  login text PRIMARY KEY,
  roles text[] NOT NULL,
  environments text[] NOT NULL,  -- empty: all of them
  added_by text NOT NULL,
  added_at text NOT NULL,
  removed_at text
);

-- A permit is asked for by one person and given by another, for one plan, once.
CREATE TABLE IF NOT EXISTS permits (
  id text PRIMARY KEY,
  plan_hash text NOT NULL,
  value text NOT NULL,
  requested_by text NOT NULL,
  requested_at text NOT NULL,
  approved_by text,
  approved_at text,
  expires_at text NOT NULL,
  used_at text,
  CONSTRAINT another_person_approves CHECK (approved_by IS NULL OR approved_by <> requested_by)
);

-- The transaction that wrote a record, so that a change of state can be held against the records of its own transaction.
ALTER TABLE audit ADD COLUMN IF NOT EXISTS tx xid8;
CREATE INDEX IF NOT EXISTS audit_by_tx ON audit (tx);

CREATE OR REPLACE FUNCTION audit_words(body bytea) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT to_tsvector('simple', regexp_replace(left(convert_from(body, 'UTF8'), 200000), '[^[:alnum:]]+', ' ', 'g'))
$$;
CREATE INDEX IF NOT EXISTS audit_by_words ON audit USING gin (audit_words(body));

CREATE OR REPLACE FUNCTION refuse(what text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'RC001', MESSAGE = what;
END $$;

CREATE OR REPLACE FUNCTION my_roles() RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT roles FROM people WHERE login = session_user AND removed_at IS NULL), '{}')
$$;

CREATE OR REPLACE FUNCTION my_environment(environment text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT 1 FROM people p WHERE p.login = session_user AND p.removed_at IS NULL
                 AND (p.environments = '{}' OR environment = ANY (p.environments)))
$$;

CREATE OR REPLACE FUNCTION my_target(name text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
  SELECT my_environment(coalesce((SELECT t.environment FROM targets t WHERE t.name = my_target.name), ''))
$$;

CREATE OR REPLACE FUNCTION my_targets(names text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT bool_and(my_target(name)) FROM jsonb_array_elements_text(names::jsonb) AS of_train (name)), false)
$$;

CREATE OR REPLACE FUNCTION my_rollout(id text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
  SELECT my_target(coalesce((SELECT r.target FROM rollouts r WHERE r.id = my_rollout.id), ''))
$$;

-- Records: in turn, at the end, under one's own name, and only what one's role may do.
CREATE OR REPLACE FUNCTION check_record() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
DECLARE
  last_seq bigint;
  last_hash text;
  told jsonb;
  mine text[] := my_roles();
BEGIN
  PERFORM pg_advisory_xact_lock(32199663576773477);
  SELECT seq, hash INTO last_seq, last_hash FROM audit ORDER BY seq DESC LIMIT 1;
  BEGIN
    told := convert_from(NEW.body, 'UTF8')::jsonb;
  EXCEPTION WHEN OTHERS THEN
    PERFORM refuse('the body of a record is canonical JSON');
  END;
  IF NEW.seq IS DISTINCT FROM coalesce(last_seq, 0) + 1 OR told ->> 'prev' IS DISTINCT FROM coalesce(last_hash, repeat('0', 64)) THEN
    RAISE EXCEPTION USING ERRCODE = 'RC002', MESSAGE = 'the audit only grows at its end';
  END IF;
  IF NOT coalesce(told -> 'act' ?& ARRAY['console', 'detail', 'plan', 'reason', 'result', 'verb'], false) THEN
    PERFORM refuse('the body of a record is whole');
  END IF;
  IF NEW.hash IS DISTINCT FROM encode(sha256(NEW.body), 'hex') THEN
    PERFORM refuse('the hash of a record is that of its body');
  END IF;
  IF (told ->> 'log') IS DISTINCT FROM (SELECT value FROM about WHERE about.key = 'log') THEN
    PERFORM refuse('a record belongs to this log');
  END IF;
  IF (told ->> 'seq', told ->> 'kind', told ->> 'actor', told ->> 'at', told ->> 'target', told ->> 'rollout', told ->> 'step')
     IS DISTINCT FROM (NEW.seq::text, NEW.kind, NEW.actor, NEW.at, NEW.target, NEW.rollout, NEW.step) THEN
    PERFORM refuse('a record says the same as its body');
  END IF;
  IF NEW.actor IS DISTINCT FROM session_user::text THEN
    PERFORM refuse(format('the actor of a record is whoever writes it: %s, not %s', session_user, NEW.actor));
  END IF;
  IF NEW.key <> '' AND NOT EXISTS (SELECT 1 FROM audit_keys k
                                   WHERE k.id = NEW.key AND (k.person = session_user::text OR k.place = 'practice')) THEN
    PERFORM refuse(format('key %s is not one of %s', NEW.key, session_user));
  END IF;
  IF mine = '{}' THEN
    PERFORM refuse(format('%s is not one of the team', session_user));
  END IF;
  IF NOT mine && may_record(NEW.kind) THEN
    PERFORM refuse(format('%s may not record a move of kind %s as %s', session_user, NEW.kind, array_to_string(mine, ', ')));
  END IF;
  IF NEW.target <> '' AND NEW.kind = ANY (moves()) AND NOT my_target(NEW.target) THEN
    PERFORM refuse(format('%s has no rights on %s, by its environment', session_user, NEW.target));
  END IF;
  NEW.tx := pg_current_xact_id();
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION moves() RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT ARRAY['intent', 'outcome', 'plan', 'phase', 'verdict', 'takeover', 'target']
$$;

CREATE OR REPLACE FUNCTION may_record(kind text) RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN kind = ANY (ARRAY['intent', 'outcome', 'plan', 'phase', 'verdict', 'takeover', 'target']) THEN ARRAY['operator', 'admin']
    WHEN kind = ANY (ARRAY['freeze', 'permit']) THEN ARRAY['operator', 'approver', 'admin']
    WHEN kind = 'setting' THEN ARRAY['admin']
    WHEN kind = ANY (ARRAY['refusal', 'console']) THEN ARRAY['viewer', 'operator', 'approver', 'admin', 'auditor']
    ELSE ARRAY['operator', 'approver', 'admin', 'auditor']
  END
$$;

CREATE OR REPLACE FUNCTION only_grows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'RC001', MESSAGE = format('%s only grows', TG_TABLE_NAME);
END $$;

-- State: it changes only in a transaction that also records why.
CREATE OR REPLACE FUNCTION is_recorded(of_column text, named text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
DECLARE
  found boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT 1 FROM audit WHERE tx = pg_current_xact_id() AND %I = $1)', of_column) INTO found USING named;
  RETURN found;
END $$;

CREATE OR REPLACE FUNCTION check_state() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
DECLARE
  row_now jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
  -- TG_ARGV: the record's column to look in, and the row's column whose value must stand there, or a fixed word after '='.
  IF NOT is_recorded(TG_ARGV[0], CASE WHEN TG_ARGV[1] LIKE '=%' THEN substr(TG_ARGV[1], 2) ELSE row_now ->> TG_ARGV[1] END) THEN
    PERFORM refuse(format('%s change only together with a record of the audit', TG_TABLE_NAME));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION check_lease() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.rollout, OLD.holder, OLD.console, OLD.token) = (NEW.rollout, NEW.holder, NEW.console, NEW.token)
     AND NEW.holder = session_user::text THEN
    RETURN NULL;  -- the holder renews it
  END IF;
  IF NOT is_recorded('rollout', CASE WHEN TG_OP = 'DELETE' THEN OLD.rollout ELSE NEW.rollout END) THEN
    PERFORM refuse('the wheel changes hands only together with a record of the audit');
  END IF;
  RETURN NULL;
END $$;

-- Tokens and revisions only grow, whoever writes; what is over stays over (I3, I4).
CREATE OR REPLACE FUNCTION check_rollout() RETURNS trigger LANGUAGE plpgsql SET search_path = release_console, pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.revision <= OLD.revision OR NEW.token < OLD.token OR NEW.closed < OLD.closed
     OR (NEW.id, NEW.number, NEW.plan, NEW.plan_hash, NEW.target) IS DISTINCT FROM (OLD.id, OLD.number, OLD.plan, OLD.plan_hash, OLD.target) THEN
    PERFORM refuse('a rollout''s plan stays, and its revision, token and end only grow');
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_train() RETURNS trigger LANGUAGE plpgsql SET search_path = release_console, pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.revision <= OLD.revision OR NEW.closed < OLD.closed
     OR (NEW.id, NEW.number, NEW.name, NEW.value, NEW.targets) IS DISTINCT FROM (OLD.id, OLD.number, OLD.name, OLD.value, OLD.targets) THEN
    PERFORM refuse('a train''s services stay, and its revision and end only grow');
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_permit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = release_console, pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.requested_by <> session_user::text OR NEW.approved_by IS NOT NULL OR NEW.used_at IS NOT NULL THEN
      PERFORM refuse('a permit is asked for under one''s own name, and given later');
    END IF;
  ELSIF (NEW.id, NEW.plan_hash, NEW.value, NEW.requested_by, NEW.requested_at, NEW.expires_at)
        IS DISTINCT FROM (OLD.id, OLD.plan_hash, OLD.value, OLD.requested_by, OLD.requested_at, OLD.expires_at) THEN
    PERFORM refuse('a permit that was asked for is not changed');
  ELSIF NEW.approved_by IS DISTINCT FROM OLD.approved_by THEN
    IF OLD.approved_by IS NOT NULL OR NEW.approved_by <> session_user::text OR NOT 'approver' = ANY (my_roles()) THEN
      PERFORM refuse('a permit is given once, by an approver, under their own name');
    END IF;
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_named() RETURNS trigger LANGUAGE plpgsql SET search_path = release_console, pg_catalog, pg_temp AS $$
BEGIN
  -- The practice shop's own key proves nothing about real targets, and is nobody's.
  IF to_jsonb(NEW) ->> TG_ARGV[0] IS DISTINCT FROM session_user::text AND to_jsonb(NEW) ->> 'place' IS DISTINCT FROM 'practice' THEN
    PERFORM refuse(format('a row of %s stands under one''s own name', TG_TABLE_NAME));
  END IF;
  RETURN NEW;
END $$;
